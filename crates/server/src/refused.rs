//! Why a request is not carried out, and what the client hears of it.

use crate::error::StartError;
use crate::storage::StoreError;
use std::path::Path;
use std::time::Duration;
use subrosa_proto::{CodecError, ErrorCode, Refusal, Response};

/// A request that ended without a result.
#[derive(Debug)]
pub(crate) enum Refused {
    /// By a rule.
    Code(ErrorCode),
    /// For now.
    Later(Duration),
    /// By the store.
    Store(StoreError),
    /// The server found something in its store that it cannot have written.
    Damaged(&'static str),
}

pub(crate) type Outcome<T> = Result<T, Refused>;

impl From<ErrorCode> for Refused {
    fn from(code: ErrorCode) -> Self {
        Self::Code(code)
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Only for what comes out of the store; what comes from clients is malformed instead.
impl From<CodecError> for Refused {
    fn from(_: CodecError) -> Self {
        Self::Damaged("a stored value has another shape")
    }
}

impl Refused {
    /// The answer to the client.
    pub(crate) fn response(&self) -> Response {
        let (code, retry_ms) = match self {
            Self::Code(code) => (*code, 0),
            Self::Later(wait) => {
                let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                (ErrorCode::RateLimited, ms.max(1))
            }
            Self::Store(StoreError::Full) => (ErrorCode::StorageFull, 0),
            Self::Store(StoreError::StageFull) => (ErrorCode::TooLarge, 0),
            Self::Store(StoreError::IdemReused) => (ErrorCode::Malformed, 0),
            Self::Store(
                StoreError::Conflict { .. } | StoreError::GuardFailed { .. } | StoreError::Moved,
            ) => (ErrorCode::Conflict, 0),
            Self::Store(_) | Self::Damaged(_) => (ErrorCode::Internal, 0),
        };
        Response::Refused {
            refusal: Refusal { code, retry_ms },
        }
    }

    /// The same for whoever starts or administers the server.
    pub(crate) fn at_start(self, data: &Path) -> StartError {
        match self {
            Self::Store(error) => StartError::from_store(error, data),
            Self::Damaged(cause) => StartError::BrokenDatabase {
                path: data.to_owned(),
                cause: cause.to_owned(),
            },
            Self::Code(_) | Self::Later(_) => StartError::BrokenDatabase {
                path: data.to_owned(),
                cause: "it refuses".to_owned(),
            },
        }
    }

    /// What stands in the server's log, if it concerns the operator at all.
    pub(crate) fn report(&self) {
        match self {
            Self::Store(error) if error.is_fatal() => tracing::error!(%error, "the store failed"),
            Self::Store(error) => tracing::warn!(%error, "the store refused a request"),
            Self::Damaged(what) => tracing::error!(what, "the store holds something unreadable"),
            Self::Code(_) | Self::Later(_) => {}
        }
    }
}
