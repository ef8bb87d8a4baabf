//! What passes over a home's socket: JSON-RPC 2.0, one object a line.

use crate::command::{Answer, Caller, Command, Failure, FailureKind};
use crate::view::Notice;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// Longest line: a text at its limit, escaped, with room for the rest.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// From a guest.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FromGuest {
    pub jsonrpc: Version,
    pub id: u64,
    /// Present in commands; the first line is a hello without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<Caller>,
    #[serde(flatten)]
    pub asks: Asks,
}

/// What a guest asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Asks {
    /// The first line.
    Hello {
        /// Always `hello`.
        method: HelloWord,
        /// Who speaks.
        params: Hello,
    },
    /// Any later line.
    Command(Command),
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum HelloWord {
    Hello,
}

/// Build and face of one side.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Hello {
    pub build: String,
    pub face: String,
}

/// To a guest.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum ToGuest {
    /// The owner's answer to the hello.
    Hello {
        jsonrpc: Version,
        id: u64,
        hello: Hello,
    },
    /// A command is done.
    Result {
        jsonrpc: Version,
        id: u64,
        result: Answer,
    },
    /// A command failed.
    Error {
        jsonrpc: Version,
        id: u64,
        error: Refusal,
    },
    /// Unasked, for the subscription that the request of this number made.
    Notice {
        jsonrpc: Version,
        method: NoticeWord,
        subscription: u64,
        params: Notice,
    },
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NoticeWord {
    Notice,
}

/// A JSON-RPC error object.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Refusal {
    pub code: i32,
    pub message: String,
    pub data: FailureKind,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        let code = match failure.kind {
            FailureKind::User => -32_001,
            FailureKind::Defect => -32_603,
            FailureKind::Network => -32_003,
            FailureKind::Trust => -32_004,
            FailureKind::RateLimit => -32_005,
            FailureKind::NotPermitted => -32_006,
        };
        Self {
            code,
            message: failure.sentence,
            data: failure.kind,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            kind: refusal.data,
            sentence: refusal.message,
        }
    }
}

/// Always "2.0".
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) enum Version {
    #[default]
    #[serde(rename = "2.0")]
    Two,
}

/// One value as a line.
pub(super) fn line<T: Serialize>(value: &T) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}

/// The next line without its end; `None` when the other side has gone, or sent too long a line.
pub(super) async fn next_line<R: AsyncBufRead + Unpin>(
    from: &mut R,
    into: &mut Vec<u8>,
) -> Option<()> {
    into.clear();
    let read = (&mut *from)
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', into)
        .await
        .ok()?;
    (read > 0 && into.pop() == Some(b'\n')).then_some(())
}
