//! `prokura completions`

use clap::Args;
use clap_complete::{Shell, generate};

use crate::{
    arguments::{Ended, definition},
    failure::Failure,
    output::Output,
};

/// Print completions for a shell
///
/// bash: `prokura completions bash > ~/.local/share/bash-completion/completions/prokura`;
/// zsh: into a folder of $fpath, as `_prokura`; fish: `~/.config/fish/completions/prokura.fish`.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Ended, Failure> {
        let mut text = Vec::new();
        generate(self.shell, &mut definition(), "prokura", &mut text);
        Output { json: false }.print(&String::from_utf8_lossy(&text))?;
        Ok(Ended::Done)
    }
}
