//! How a request to NATS fails, and what that is called in the words of the seam.

use async_nats::jetstream;
use fleet_core::seams::QueueError;

/// JetStream's code for a stream that does not exist.
const STREAM_NOT_FOUND: u64 = 10059;
/// JetStream's code for a consumer that does not exist.
const CONSUMER_NOT_FOUND: u64 = 10014;
/// JetStream's code for a message that does not exist.
const NO_MESSAGE_FOUND: u64 = 10037;
/// JetStream's code for a message that was not deleted; the description says why.
const DELETE_FAILED: u64 = 10057;
/// The descriptions when it is because there is no such message.
const NOTHING_TO_DELETE: [&str; 3] = ["no message found", "message not found", "stream store EOF"];
/// JetStream's code for a message that the stream did not store; the description says why.
const STORE_FAILED: u64 = 10077;
/// The description when it is the limit of messages in one subject: the only thing that tells it from a full disk.
const SUBJECT_IS_TAKEN: &str = "maximum messages per subject exceeded";
/// The description when it is the limit of messages in the stream.
const STREAM_IS_FULL: &str = "maximum messages exceeded";

/// How one request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is no connection now; the client makes a new one by itself.
    Disconnected(String),
    /// No answer came in time. Whether it was done is unknown.
    Silent(String),
    /// Nobody serves this subject: the stream or the consumer is not there, or JetStream is not up.
    Nobody,
    /// JetStream answered with an error.
    Api {
        /// Like HTTP: 5xx is the server's state, else the request is wrong.
        status: usize,
        /// JetStream's own code.
        code: u64,
        /// In words.
        text: String,
    },
    /// The answer is not what it should be.
    Unreadable(String),
    /// The request could not even be sent.
    Unsendable(String),
}

impl Failure {
    pub(super) fn api(error: &jetstream::Error) -> Self {
        // Its `Display` is the description and both codes.
        Self::Api { status: error.code(), code: error.error_code().0, text: error.to_string() }
    }

    /// The stream or the consumer is not there (any more); making it again may help.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Nobody | Self::Api { code: STREAM_NOT_FOUND | CONSUMER_NOT_FOUND, .. })
    }

    /// The stream holds no message that was asked for.
    pub(super) fn is_no_message(&self) -> bool {
        match self {
            Self::Api { code: NO_MESSAGE_FOUND, .. } => true,
            Self::Api { code: DELETE_FAILED, text, .. } => NOTHING_TO_DELETE.iter().any(|words| text.contains(words)),
            _ => false,
        }
    }

    /// The subject holds a message already.
    pub(super) fn is_subject_taken(&self) -> bool {
        matches!(self, Self::Api { code: STORE_FAILED, text, .. } if text.contains(SUBJECT_IS_TAKEN))
    }

    /// As an error of the queue: what was tried, and where.
    pub(super) fn error(self, act: &str, place: &str) -> QueueError {
        let unavailable = |why: &str| QueueError::Unavailable(format!("{act} at {place}: {why}"));
        match self {
            Self::Disconnected(why) => unavailable(&why),
            Self::Silent(why) => unavailable(&why),
            Self::Nobody => unavailable("nobody answers; is JetStream up, and does this user have rights on it?"),
            Self::Api { code: STORE_FAILED, text, .. } if text.contains(STREAM_IS_FULL) => {
                QueueError::Refused(format!("{act} at {place}: {text}"))
            }
            Self::Api { status: 500.., text, .. } => unavailable(&text),
            Self::Api { text, .. } => QueueError::Refused(format!("{act} at {place}: {text}")),
            Self::Unreadable(why) => unavailable(&format!("the answer cannot be read: {why}")),
            Self::Unsendable(why) => QueueError::Refused(format!("{act} at {place}: {why}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(status: usize, code: u64, text: &str) -> Failure {
        Failure::Api { status, code, text: text.to_owned() }
    }

    #[test]
    fn only_a_taken_subject_counts_as_queued() {
        assert!(
            api(503, 10077, "maximum messages per subject exceeded (code 503, error code 10077)").is_subject_taken()
        );
        for text in ["maximum messages exceeded", "no space left on device", "maximum bytes exceeded"] {
            assert!(!api(503, 10077, text).is_subject_taken(), "{text}");
        }
    }

    #[test]
    fn a_message_that_is_gone_is_told_from_one_that_cannot_be_deleted() {
        assert!(api(404, 10037, "no message found").is_no_message());
        assert!(api(500, 10057, "no message found (code 500, error code 10057)").is_no_message());
        assert!(!api(500, 10057, "no space left on device").is_no_message());
        assert!(!Failure::Nobody.is_no_message());
    }

    #[test]
    fn what_may_pass_is_unavailable_and_the_rest_refused() {
        for (failure, refused) in [
            (api(503, 10077, "maximum messages exceeded"), true),
            (api(503, 10077, "no space left on device"), false),
            (api(503, 10008, "JetStream system temporarily unavailable"), false),
            (api(400, 10060, "expected stream does not match"), true),
            (Failure::Nobody, false),
            (Failure::Silent("no answer".to_owned()), false),
            (Failure::Disconnected("gone".to_owned()), false),
            (Failure::Unsendable("too large".to_owned()), true),
        ] {
            let error = failure.clone().error("publishing", "nats://a:4222");
            assert_eq!(matches!(error, QueueError::Refused(_)), refused, "{failure:?}");
        }
    }
}
