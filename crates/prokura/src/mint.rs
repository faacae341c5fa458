use prokura_model::Timestamp;
use uuid::{NoContext, Uuid};

/// A UUIDv7 of this moment. The time is ours, so that ids sort like everything else that happened.
pub(crate) fn uuid(now: Timestamp) -> Uuid {
    let nanoseconds = u32::try_from((now.0 % 1_000) * 1_000_000).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, now.0 / 1_000, nanoseconds))
}

/// An id made of a prefix and a UUID.
pub(crate) fn id<T>(prefix: &str, now: Timestamp, new: impl Fn(String) -> Option<T>) -> T {
    #[expect(clippy::expect_used, reason = "a UUID and a short prefix are within the alphabet and length of every id")]
    new(format!("{prefix}{}", uuid(now).hyphenated())).expect("a legal id")
}
