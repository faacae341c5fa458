use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Disk, DiskFile, Held, LockError};

/// A folder of a real file system.
#[derive(Debug)]
pub struct FolderDisk {
    folder: PathBuf,
}

impl FolderDisk {
    /// The folder, made with its parents if there is none. What is made is for its owner alone (folder 0700, files 0600).
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn open_file(&self, name: &str, make: bool) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(make).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(self.folder.join(name))
    }
}

impl Disk for FolderDisk {
    fn place(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn lock(&self, name: &str) -> Result<Held, LockError> {
        let mut file = self.open_file(name, true)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(holder(&mut file))),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        // Only so that the next one can be told who it was; the lock is the kernel's, and a process that dies loses it.
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Held::new(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(FolderFile(self.open_file(name, true)?)))
    }

    fn find(&self, name: &str) -> io::Result<Option<Arc<dyn DiskFile>>> {
        match self.open_file(name, false) {
            Ok(file) => Ok(Some(Arc::new(FolderFile(file)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.folder.join(from), self.folder.join(to))
    }

    fn sync_names(&self) -> io::Result<()> {
        #[cfg(unix)]
        {
            File::open(&self.folder)?.sync_all()?;
            // The folder may be new itself. Whoever may not read its parent did not make it.
            if let Some(parent) = self.folder.canonicalize()?.parent()
                && let Ok(parent) = File::open(parent)
            {
                parent.sync_all()?;
            }
        }
        Ok(())
    }
}

/// The process id in a lock file. Whatever else is in there is not worth an error.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[derive(Debug)]
struct FolderFile(File);

#[cfg(not(unix))]
compile_error!("a folder's files are read and written at offsets, which is written for unix so far");

#[cfg(unix)]
impl DiskFile for FolderFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, bytes, offset)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.0, bytes, offset)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    /// `fdatasync`: it also makes the length durable, which is all of the metadata we read.
    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
