//! `authzed.api.v1` as a client that costs as little as one can: messages are encoded before the clock starts, and nothing
//! stands between them and HTTP/2.

mod calls;
mod load;

use std::mem;

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Uri, Version,
    body::{Buf as _, Bytes},
    client::conn::http2,
    header::{self, HeaderMap, HeaderValue},
    http::uri::{Authority, Scheme},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::TcpStream;

use super::{Outcome, processes::Target};

pub(crate) use self::{
    calls::{Concurrency, Talk, bulk, checks, in_turn, pair, resources, subjects, writes},
    load::load,
};

/// Before each message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// A connection to a server of the protocol. Clones share it.
#[derive(Clone)]
pub(crate) struct Connection {
    sender: http2::SendRequest<Full<Bytes>>,
    authority: Authority,
    headers: HeaderMap,
}

impl Connection {
    pub(crate) async fn open(target: &Target) -> Outcome<Self> {
        let unreachable =
            |error| format!("nothing answers at {}: {error}; is the server running there?", target.address);
        let stream = TcpStream::connect(&target.address).await.map_err(unreachable)?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        // How it ends is told to whoever asks on it.
        tokio::spawn(async { drop(connection.await) });
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {}", target.key))?);
        Ok(Self { sender, authority: Authority::try_from(target.address.as_str())?, headers })
    }

    /// The messages that are answered to these, which are framed already.
    pub(crate) async fn call(&mut self, path: &'static str, messages: Bytes) -> Outcome<Vec<Bytes>> {
        let uri = Uri::builder().scheme(Scheme::HTTP).authority(self.authority.clone()).path_and_query(path).build()?;
        let mut request = Request::new(Full::new(messages));
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = uri;
        *request.headers_mut() = self.headers.clone();
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let (head, mut body) = response.into_parts();
        let (mut parting, mut trailers) = (Parting::default(), None);
        while let Some(frame) = body.frame().await {
            match frame?.into_data() {
                Ok(bytes) => parting.take(bytes)?,
                Err(other) => trailers = other.into_trailers().ok(),
            }
        }
        let status = tonic::Status::from_header_map(&head.headers)
            .or_else(|| tonic::Status::from_header_map(trailers.as_ref()?));
        match status {
            Some(status) if status.code() == tonic::Code::Ok => parting.done(),
            Some(status) => Err(format!("{path}: {:?}: {}", status.code(), status.message()).into()),
            None => Err(format!("{path}: the answer ({}) is none of gRPC's; name a gRPC port", head.status).into()),
        }
    }

    /// One message for one.
    pub(crate) async fn unary<A: Message + Default>(
        &mut self,
        path: &'static str,
        message: &impl Message,
    ) -> Outcome<A> {
        let answer = self.call(path, framed(message)?).await?;
        only(path, &answer)
    }
}

/// A message as it goes over the wire.
pub(crate) fn framed(message: &impl Message) -> Outcome<Bytes> {
    let mut bytes = Vec::with_capacity(PREFIX_BYTES + message.encoded_len());
    frame(message, &mut bytes)?;
    Ok(bytes.into())
}

fn frame(message: &impl Message, into: &mut Vec<u8>) -> Outcome<()> {
    into.push(0);
    into.extend(u32::try_from(message.encoded_len())?.to_be_bytes());
    message.encode(into)?;
    Ok(())
}

/// Takes messages apart while they arrive, as every client does.
#[derive(Default)]
struct Parting {
    messages: Vec<Bytes>,
    /// What has come of the next message, where that is not all of it.
    begun: Vec<u8>,
}

impl Parting {
    fn take(&mut self, mut bytes: Bytes) -> Outcome<()> {
        if !self.begun.is_empty() {
            self.begun.extend_from_slice(&bytes);
            bytes = mem::take(&mut self.begun).into();
        }
        while let Some((prefix, _)) = bytes.split_first_chunk::<PREFIX_BYTES>() {
            let [compressed, length @ ..] = *prefix;
            let end = PREFIX_BYTES + usize::try_from(u32::from_be_bytes(length))?;
            if compressed != 0 {
                return Err("an answer is compressed".into());
            }
            if end > bytes.len() {
                break;
            }
            self.messages.push(bytes.slice(PREFIX_BYTES..end));
            bytes.advance(end);
        }
        self.begun.extend_from_slice(&bytes);
        Ok(())
    }

    fn done(self) -> Outcome<Vec<Bytes>> {
        if self.begun.is_empty() { Ok(self.messages) } else { Err("an answer is cut off".into()) }
    }
}

fn only<A: Message + Default>(path: &str, messages: &[Bytes]) -> Outcome<A> {
    match messages {
        [message] => Ok(A::decode(message.clone())?),
        other => Err(format!("{path}: {} messages came, not one", other.len()).into()),
    }
}

#[cfg(test)]
mod tests {
    use prokura_api::grpc::v1::ZedToken;

    use super::*;

    #[test]
    fn what_is_framed_is_parted_again() {
        let mut bytes = Vec::new();
        for token in ["", "one", "another"] {
            frame(&ZedToken { token: token.to_owned() }, &mut bytes).expect("short");
        }
        let read = |part: &Bytes| ZedToken::decode(part.clone()).expect("a token").token;
        for at_once in 1..=bytes.len() {
            let mut parting = Parting::default();
            bytes.chunks(at_once).try_for_each(|some| parting.take(Bytes::copy_from_slice(some))).expect("whole");
            let parts = parting.done().expect("whole");
            assert_eq!(parts.iter().map(read).collect::<Vec<_>>(), ["", "one", "another"]);
        }
        bytes.pop();
        let mut parting = Parting::default();
        parting.take(bytes.into()).expect("as far as it goes");
        parting.done().expect_err("cut off");
    }
}
