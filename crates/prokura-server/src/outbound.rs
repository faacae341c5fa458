//! Addresses that the configuration names, and how they are spoken to.

use std::{net::IpAddr, time::Duration};

use reqwest::Url;

/// Longest it may take to connect.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(2);

/// What is wrong with an address as one to speak to, if anything: `https` anywhere, and plain `http` on this machine, and
/// no user or password, which would be told in places where an address is.
pub(crate) fn fault(url: &Url) -> Option<&'static str> {
    match url.scheme() {
        "https" => {}
        "http" if is_here(url) => {}
        "http" => return Some("plain `http` goes to this machine only; take `https`"),
        _ => return Some("an address begins with `https://`"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some("an address has no user and no password");
    }
    None
}

/// A client for this address and no other: it follows nobody elsewhere.
pub(crate) fn client(url: &Url, longest: Duration) -> Result<reqwest::Client, String> {
    if let Some(fault) = fault(url) {
        return Err(fault.to_owned());
    }
    let mut builder = reqwest::Client::builder()
        .timeout(longest)
        .connect_timeout(CONNECT_WAIT_MAX.min(longest))
        .redirect(reqwest::redirect::Policy::none());
    if url.scheme() == "http" {
        // Without TLS no certificates are needed, and a machine that has none must not be turned away.
        // And what is for this machine goes through no proxy, which could read it, or answer in its place.
        builder = builder.tls_certs_only([]).no_proxy();
    }
    builder.build().map_err(|error| error.to_string())
}

fn is_here(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_elsewhere_take_tls_and_none_takes_a_password() {
        for (text, legal) in [
            ("https://hooks.example.com/in", true),
            ("https://10.0.0.1:8443/", true),
            ("http://127.0.0.1:9/", true),
            ("http://[::1]:9/", true),
            ("http://localhost/", true),
            ("http://localhost.example.com/", false),
            ("http://127.0.0.1.example.com/", false),
            ("http://10.0.0.1/", false),
            ("https://user@hooks.example.com/", false),
            ("https://:word@hooks.example.com/", false),
            ("http://user:word@127.0.0.1/", false),
            ("ftp://127.0.0.1/", false),
            ("file:///etc/passwd", false),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(fault(&url).is_none(), legal, "{text}");
        }
    }
}
