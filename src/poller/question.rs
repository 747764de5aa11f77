//! Whatever may be asked of a unit: what polling reads, and what identifies or diagnoses.

use crate::wire::modbus::identify;
use crate::wire::modbus::identify::{IdentifyRequest, Identity, RequestPdu};
use crate::wire::modbus::reply;
use crate::wire::modbus::reply::NotTheAnswer;
use crate::wire::modbus::request::ReadRequest;

use super::exchange::Values;

/// One request. Neither kind has a variant that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    Read(ReadRequest),
    Identify(IdentifyRequest),
}

impl Question {
    pub(super) fn pdu(self) -> RequestPdu {
        match self {
            Self::Read(request) => request.pdu().into(),
            Self::Identify(request) => request.pdu(),
        }
    }

    /// True if no reply to `other` could pass for the answer to `self`, exceptions aside.
    pub(super) fn is_distinguishable_from(self, other: Self) -> bool {
        match (self, other) {
            (Self::Read(request), Self::Read(other)) => request.is_distinguishable_from(other),
            (Self::Identify(request), Self::Identify(other)) => {
                request.function() != other.function()
            }
            // They have no function in common.
            (Self::Read(_), Self::Identify(_)) | (Self::Identify(_), Self::Read(_)) => true,
        }
    }

    /// Prove that `pdu` has the shape of the answer.
    pub(super) fn prove(self, pdu: &[u8]) -> Result<Values, NotTheAnswer> {
        match self {
            Self::Read(request) => reply::prove(request, pdu).map(Values::from),
            Self::Identify(request) => {
                identify::prove(request, pdu).map(|identity| match identity {
                    Identity::Exception(code) => Values::Exception(code),
                    Identity::ExceptionStatus(_)
                    | Identity::EventCounter { .. }
                    | Identity::EventLog { .. }
                    | Identity::ServerId(_)
                    | Identity::FileRecord(_)
                    | Identity::FifoQueue(_)
                    | Identity::DeviceId(_) => Values::Identity(pdu.to_vec()),
                })
            }
        }
    }
}

impl From<ReadRequest> for Question {
    fn from(request: ReadRequest) -> Self {
        Self::Read(request)
    }
}

impl From<IdentifyRequest> for Question {
    fn from(request: IdentifyRequest) -> Self {
        Self::Identify(request)
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::modbus::identify::DeviceIdLevel;
    use crate::wire::modbus::request::Span;

    use super::*;

    #[test]
    fn only_function_and_byte_count_tell_replies_to_questions_apart() {
        const SPAN: Span = Span { first: 0, count: 3 };
        let part = |object| {
            Question::Identify(IdentifyRequest::DeviceId { level: DeviceIdLevel::Basic, object })
        };
        let reads = [
            ReadRequest::Coils(SPAN),
            ReadRequest::Discretes(SPAN),
            ReadRequest::Holding(SPAN),
            ReadRequest::Input(SPAN),
            ReadRequest::Echo { nonce: 1 },
        ];
        let identifying = [
            IdentifyRequest::ExceptionStatus,
            IdentifyRequest::EventCounter,
            IdentifyRequest::EventLog,
            IdentifyRequest::ServerId,
            IdentifyRequest::FileRecord { file: 1, record: 0, count: 3 },
            IdentifyRequest::FifoQueue { pointer: 0 },
        ];
        let all = reads.map(Question::from).into_iter().chain(identifying.map(Question::from));
        let all: Vec<_> = all.chain([part(0)]).collect();
        for (nth, question) in all.iter().enumerate() {
            for (other_nth, other) in all.iter().enumerate() {
                let functions = [question, other].map(|question| question.pdu().as_bytes()[0]);
                assert_eq!(functions[0] != functions[1], nth != other_nth);
                assert_eq!(question.is_distinguishable_from(*other), nth != other_nth);
            }
        }
        assert!(!part(0).is_distinguishable_from(part(1)));
    }
}
