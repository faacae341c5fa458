use std::sync::Arc;

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::config::TlsFiles;

/// The process has one crypto provider. Whoever installed one first keeps it.
pub(crate) fn install_provider() {
    // An error only says that there is one already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// TLS 1.2 and 1.3 with this certificate, for HTTP/2 and HTTP/1.1.
pub(crate) fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>, String> {
    let named = |what: &str, path: &std::path::Path, error: &dyn std::fmt::Display| {
        format!("the {what} in {} cannot be read: {error}", path.display())
    };
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| named("certificate", &files.certificate, &error))?;
    if certificates.is_empty() {
        return Err(named("certificate", &files.certificate, &"it holds none"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| named("key", &files.key, &error))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| named("certificate", &files.certificate, &error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
