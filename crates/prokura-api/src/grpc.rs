//! The messages and services of `authzed.api.v1`, so that clients written for it work unchanged: made of the files in
//! `proto/` when this crate is built. Names and numbers are the protocol's; the words around them are ours.

pub use authzed::api::v1;
pub use google::rpc;

/// The descriptors of all of this, as a `FileDescriptorSet`, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The domain of the reasons in [`rpc::ErrorInfo`].
pub const ERROR_DOMAIN: &str = "authzed.com";

/// Where a failure keeps its [`rpc::ErrorInfo`] among the details of a [`rpc::Status`].
pub const ERROR_INFO_TYPE: &str = "type.googleapis.com/google.rpc.ErrorInfo";

// Messages refer to each other by the path of their package, so the modules lie as the packages do.
mod authzed {
    pub(super) mod api {
        /// The protocol itself: messages, clients and servers.
        #[expect(
            missing_docs,
            unused_qualifications,
            clippy::allow_attributes,
            clippy::allow_attributes_without_reason,
            clippy::too_many_lines,
            reason = "generated"
        )]
        pub mod v1 {
            tonic::include_proto!("authzed.api.v1");
        }
    }
}

mod google {
    /// How a call, or one item of a bulk call, says that it failed.
    #[expect(missing_docs, reason = "generated")]
    pub mod rpc {
        tonic::include_proto!("google.rpc");
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::{FileDescriptorSet, Struct, Value, value::Kind};

    use super::v1;

    /// As the client from PyPI encodes it.
    const SENT: &str = concat!(
        "0a02200112100a08646f63756d656e741204706c616e1a047669657722180a0e0a0567726f7570120573746166661206",
        "6d656d6265722a120a100a026970120a1a0831302e302e302e313001"
    );

    #[test]
    fn a_request_has_the_bytes_that_other_clients_send() {
        let question = v1::CheckPermissionRequest {
            consistency: Some(v1::Consistency {
                requirement: Some(v1::consistency::Requirement::FullyConsistent(true)),
            }),
            resource: Some(v1::ObjectReference { object_type: "document".into(), object_id: "plan".into() }),
            permission: "view".into(),
            subject: Some(v1::SubjectReference {
                object: Some(v1::ObjectReference { object_type: "group".into(), object_id: "staff".into() }),
                optional_relation: "member".into(),
            }),
            context: Some(Struct {
                fields: [("ip".to_owned(), Value { kind: Some(Kind::StringValue("10.0.0.1".into())) })].into(),
            }),
            with_tracing: true,
        };
        let bytes: Vec<u8> = question.encode_to_vec();
        assert_eq!(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), SENT);
        assert_eq!(v1::CheckPermissionRequest::decode(bytes.as_slice()).expect("its own bytes"), question);
    }

    #[test]
    fn the_descriptors_hold_every_service_and_all_they_need() {
        let set = FileDescriptorSet::decode(super::DESCRIPTORS).expect("a descriptor set");
        let names: Vec<_> = set.file.iter().map(|file| file.name().to_owned()).collect();
        for file in &set.file {
            for needed in &file.dependency {
                assert!(names.contains(needed), "{} needs {needed}", file.name());
            }
        }
        let mut calls: Vec<_> = set
            .file
            .iter()
            .flat_map(|file| &file.service)
            .map(|service| format!("{}: {}", service.name(), service.method.len()))
            .collect();
        calls.sort_unstable();
        assert_eq!(calls, ["ExperimentalService: 7", "PermissionsService: 10", "SchemaService: 6", "WatchService: 1"]);
    }
}
