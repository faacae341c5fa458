//! Another server of the protocol, which somebody else started, to be asked the same.

use clap::Args;

use super::{Outcome, processes::Target};

/// A server of `authzed.api.v1` to measure instead of this build.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Peer")]
pub(crate) struct Peer {
    /// Measure the server of `authzed.api.v1` that answers there, without TLS; it must hold nothing yet
    #[arg(long = "peer", value_name = "URL", requires = "peer_key")]
    url: Option<String>,
    /// Its key; prefer the environment, a command line is seen by others
    #[arg(long = "peer-key", value_name = "KEY", env = "PROKURA_PEER_KEY", hide_env_values = true)]
    peer_key: Option<String>,
    /// A process of it on this machine, whose CPU time counts; once for each, its database included
    #[arg(long = "peer-process", value_name = "PID", requires = "url")]
    processes: Vec<u32>,
    /// It holds the data of this workload and size from an earlier run
    #[arg(long = "peer-loaded", requires = "url")]
    loaded: bool,
}

impl Peer {
    pub(crate) fn url(&self) -> Option<String> {
        self.url.clone()
    }

    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// What is asked, if it is a peer.
    pub(crate) fn target(&self) -> Outcome<Option<Target>> {
        let Some(url) = &self.url else { return Ok(None) };
        let Some(address) = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/')) else {
            return Err(format!("`{url}` is no address of a peer: say http://HOST:PORT, without TLS").into());
        };
        let key = self.peer_key.clone().unwrap_or_default();
        Ok(Some(Target { address: address.to_owned(), key, processes: self.processes.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_at_a_plain_address() {
        let at = |url: &str| Peer { url: Some(url.to_owned()), ..Peer::default() }.target();
        assert_eq!(at("http://127.0.0.1:50051/").expect("an address").expect("a peer").address, "127.0.0.1:50051");
        assert!(at("https://127.0.0.1:50051").expect_err("TLS").to_string().contains("without TLS"));
        assert!(Peer::default().target().expect("no peer is fine").is_none());
    }
}
