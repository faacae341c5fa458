//! Long lists, written as they go out. Nearly every entry of a list says the same but for its id: that is encoded once, and
//! each entry costs its id and a cursor instead of a message that is made, measured, encoded and taken apart again. The
//! bytes are those of the message.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::http::{Request, Response};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::{BufMut, Bytes};
use http_body::Body as HttpBody;
use prokura_api::grpc::v1::{self, LookupPermissionship};
use prokura_model::ObjectId;
use prost::{
    Message,
    encoding::{encode_varint, encoded_len_varint},
};
use tonic::{
    Status,
    body::Body,
    codec::{BufferSettings, Codec, EncodeBuf, Encoder},
    server::{Grpc, ServerStreamingService},
};
use tonic_prost::ProstDecoder;

use super::{Door, arrival::Arrival, called::Serves, lookup, moment::Walk, stream::Pages};
use crate::limits::BODY_BYTES_MAX;

pub(super) const RESOURCES: &str = "/authzed.api.v1.PermissionsService/LookupResources";
pub(super) const SUBJECTS: &str = "/authzed.api.v1.PermissionsService/LookupSubjects";

/// An entry of a list of resources or of subjects.
pub(super) enum Listed<M> {
    /// One that has the permission, and of which there is no more to say.
    Plain { list: Arc<Shared>, id: ObjectId },
    /// Any other.
    Message(Box<M>),
}

/// What the plain entries of a list share.
pub(super) struct Shared {
    /// The first field: the moment of the list.
    looked_up_at: Vec<u8>,
    /// What every cursor begins with.
    cursor: String,
    kind: Kind,
}

/// Whether the permissionship stands beside the id, or in a message of its own as well; and the field of the cursor.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Resources,
    Subjects,
}

const HAS: u8 = LookupPermissionship::HasPermission as u8;

/// The key of a field whose value has a length, or is a number (Protocol Buffers, "Encoding").
const fn of_length(field: u8) -> u8 {
    field << 3 | 2
}

const fn of_number(field: u8) -> u8 {
    field << 3
}

impl Shared {
    pub(super) fn of_resources(walk: &Walk) -> Arc<Self> {
        Arc::new(Self::new(walk, Kind::Resources))
    }

    pub(super) fn of_subjects(walk: &Walk) -> Arc<Self> {
        Arc::new(Self::new(walk, Kind::Subjects))
    }

    fn new(walk: &Walk, kind: Kind) -> Self {
        // The same field of both messages, and no other.
        let moment = v1::LookupResourcesResponse { looked_up_at: walk.token(), ..Default::default() };
        Self { looked_up_at: moment.encode_to_vec(), cursor: walk.cursors().to_owned(), kind }
    }

    /// Adds the bytes of the entry, which are those of its message.
    fn write(&self, id: &str, to: &mut Vec<u8>) {
        to.extend_from_slice(&self.looked_up_at);
        put_text(2, id, to);
        match self.kind {
            Kind::Resources => {
                to.extend_from_slice(&[of_number(3), HAS]);
                self.put_cursor(5, id, to);
            }
            Kind::Subjects => {
                to.extend_from_slice(&[of_number(4), HAS, of_length(6)]);
                put_length(text_len(id.len()) + 2, to);
                put_text(1, id, to);
                to.extend_from_slice(&[of_number(2), HAS]);
                self.put_cursor(8, id, to);
            }
        }
    }

    fn put_cursor(&self, field: u8, id: &str, to: &mut Vec<u8>) {
        let place = base64::encoded_len(id.len(), false).unwrap_or_default();
        let bytes = self.cursor.len() + place;
        to.push(of_length(field));
        put_length(text_len(bytes), to);
        to.push(of_length(1));
        put_length(bytes, to);
        to.extend_from_slice(self.cursor.as_bytes());
        let from = to.len();
        to.resize(from + place, 0);
        if let Some(room) = to.get_mut(from..) {
            // There is as much room as it takes.
            let _ = URL_SAFE_NO_PAD.encode_slice(id, room);
        }
    }
}

fn put_text(field: u8, text: &str, to: &mut Vec<u8>) {
    to.push(of_length(field));
    put_length(text.len(), to);
    to.extend_from_slice(text.as_bytes());
}

/// A number in as many bytes as it takes. Nearly all are short.
fn put_length(length: usize, to: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => to.push(short),
        _ => encode_varint(length as u64, to),
    }
}

/// How long a text of so many bytes is as a field.
fn text_len(bytes: usize) -> usize {
    1 + encoded_len_varint(bytes as u64) + bytes
}

/// Reads the question as ever, and writes the entries.
pub(super) struct Lists<Q, M>(PhantomData<(Q, M)>);

/// Writes entries, with room for one: it is put together there, and copied in one go.
pub(super) struct Writer<M>(Vec<u8>, PhantomData<M>);

/// Bytes of entries that leave together, and what they are gathered in: the last of them may be longer than what is left.
const GATHERED_BYTES: usize = 32 * 1024;
const ROOM_BYTES: usize = 2 * GATHERED_BYTES;

impl<Q, M> Codec for Lists<Q, M>
where
    Q: Message + Default + Send + 'static,
    M: Message + Send + 'static,
{
    type Encode = Listed<M>;
    type Decode = Q;
    type Encoder = Writer<M>;
    type Decoder = ProstDecoder<Q>;

    fn encoder(&mut self) -> Writer<M> {
        Writer(Vec::new(), PhantomData)
    }

    fn decoder(&mut self) -> ProstDecoder<Q> {
        ProstDecoder::default()
    }
}

impl<M: Message> Encoder for Writer<M> {
    type Item = Listed<M>;
    type Error = Status;

    fn encode(&mut self, entry: Listed<M>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        match entry {
            Listed::Plain { list, id } => {
                self.0.clear();
                list.write(id.as_str(), &mut self.0);
                to.put_slice(&self.0);
            }
            Listed::Message(message) => {
                message.encode(to).map_err(|_| Status::internal("an entry of the list could not be written"))?;
            }
        }
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(ROOM_BYTES, GATHERED_BYTES)
    }
}

/// The two methods, each as a service of its own.
#[derive(Clone)]
pub(super) struct Resources(pub(super) Door);

#[derive(Clone)]
pub(super) struct Subjects(pub(super) Door);

impl ServerStreamingService<v1::LookupResourcesRequest> for Resources {
    type Response = Listed<v1::LookupResourcesResponse>;
    type ResponseStream = Pages<Self::Response>;
    type Future = Ready<Result<tonic::Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: tonic::Request<v1::LookupResourcesRequest>) -> Self::Future {
        ready(Arrival::of(&request).and_then(|arrival| {
            lookup::resources(&self.0.app, &arrival, request.into_inner(), lookup::listed_resource)
                .map(tonic::Response::new)
        }))
    }
}

impl ServerStreamingService<v1::LookupSubjectsRequest> for Subjects {
    type Response = Listed<v1::LookupSubjectsResponse>;
    type ResponseStream = Pages<Self::Response>;
    type Future = Ready<Result<tonic::Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: tonic::Request<v1::LookupSubjectsRequest>) -> Self::Future {
        ready(Arrival::of(&request).and_then(|arrival| {
            lookup::subjects(&self.0.app, &arrival, request.into_inner(), lookup::listed_subject)
                .map(tonic::Response::new)
        }))
    }
}

/// A method that lists, as a service over HTTP.
pub(super) struct Listing<S, Q, M> {
    method: S,
    of: PhantomData<fn() -> (Q, M)>,
}

impl<S, Q, M> Listing<S, Q, M> {
    pub(super) fn new(method: S) -> Self {
        Self { method, of: PhantomData }
    }
}

impl<S: Clone, Q, M> Clone for Listing<S, Q, M> {
    fn clone(&self) -> Self {
        Self::new(self.method.clone())
    }
}

impl<S, Q, M, B> tower_service::Service<Request<B>> for Listing<S, Q, M>
where
    S: ServerStreamingService<Q, Response = Listed<M>, ResponseStream: Send + 'static, Future: Send>
        + Clone
        + Send
        + 'static,
    Q: Message + Default + Send + Sync + 'static,
    M: Message + Send + Sync + 'static,
    B: HttpBody<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let method = self.method.clone();
        Box::pin(async move {
            let codec = Lists::<Q, M>(PhantomData);
            let mut grpc = Grpc::new(codec).apply_max_message_size_config(Some(BODY_BYTES_MAX), None);
            Ok(grpc.server_streaming(method, request).await)
        })
    }
}

/// Both methods as what answers calls.
pub(super) fn methods(
    door: &Door,
) -> (impl Serves<hyper::body::Incoming> + Sync, impl Serves<hyper::body::Incoming> + Sync) {
    (
        Listing::<_, v1::LookupResourcesRequest, v1::LookupResourcesResponse>::new(Resources(door.clone())),
        Listing::<_, v1::LookupSubjectsRequest, v1::LookupSubjectsResponse>::new(Subjects(door.clone())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every length at which a length takes another byte to write, and those around.
    fn lengths() -> impl Iterator<Item = usize> {
        (1..140).chain(16_300..16_400).chain([1_000]).step_by(7).chain([127, 128, 16_383, 16_384])
    }

    #[test]
    fn an_entry_is_the_bytes_of_its_message() {
        for (id, rest) in lengths().flat_map(|length| [(length.min(1_024), 44), (length.min(100), length)]) {
            let id = ObjectId::new("i".repeat(id)).unwrap();
            let (token, head) = ("t".repeat(rest), "h".repeat(rest));
            let looked_up_at = Some(v1::ZedToken { token });
            let moment = v1::LookupResourcesResponse { looked_up_at: looked_up_at.clone(), ..Default::default() };
            let shared = |kind| Shared { looked_up_at: moment.encode_to_vec(), cursor: head.clone(), kind };
            let written = |kind| {
                let mut bytes = Vec::new();
                shared(kind).write(id.as_str(), &mut bytes);
                bytes
            };
            let token = head.clone() + &URL_SAFE_NO_PAD.encode(id.as_str());
            let cursor = Some(v1::Cursor { token });
            let permissionship = i32::from(LookupPermissionship::HasPermission);
            let resource = v1::LookupResourcesResponse {
                looked_up_at: looked_up_at.clone(),
                resource_object_id: id.as_str().to_owned(),
                permissionship,
                after_result_cursor: cursor.clone(),
                ..Default::default()
            };
            assert_eq!(written(Kind::Resources), resource.encode_to_vec());
            let subject_object_id = id.as_str().to_owned();
            let subject = v1::LookupSubjectsResponse {
                looked_up_at,
                subject_object_id: subject_object_id.clone(),
                permissionship,
                subject: Some(v1::ResolvedSubject { subject_object_id, permissionship, ..Default::default() }),
                after_result_cursor: cursor,
                ..Default::default()
            };
            assert_eq!(written(Kind::Subjects), subject.encode_to_vec());
        }
    }
}
