//! What passes over a home's socket: JSON-RPC 2.0, one object a line (docs/spec/rpc.md §2).

use crate::command::{Answer, Caller, Command, Failure, FailureKind};
use crate::rpc::{NotACommand, spoken, understood};
use crate::view::Notice;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// Longest line of a request: a text at its limit, escaped, with room for the rest.
pub(super) const REQUEST_BYTES_MAX: u64 = 1024 * 1024;
/// Longest line of an owner: a full page of texts at their limit, escaped.
pub(super) const ANSWER_BYTES_MAX: u64 = 320 * 1024 * 1024;
/// Longest name of a call.
const CALLER_BYTES_MAX: usize = 128;

/// The name of a request, chosen by whoever asks: a number, a string or null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Id(pub Value);

impl Id {
    pub const fn null() -> Self {
        Self(Value::Null)
    }

    pub fn number(&self) -> Option<u64> {
        self.0.as_u64()
    }
}

/// From whoever speaks to an owner.
#[derive(Debug)]
pub(super) struct Request {
    /// Absent when no answer is wanted.
    pub id: Option<Id>,
    pub asks: Asks,
}

/// What is asked.
#[derive(Debug)]
pub(super) enum Asks {
    /// Builds are compared.
    Hello(Hello),
    /// The description of all methods.
    Discover,
    /// The end of a subscription.
    Unsubscribe(Id),
    /// A command, and its name if its repetition is to change nothing.
    Command(Option<Caller>, Command),
}

/// Build and face of one side.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Hello {
    pub build: String,
    pub face: String,
    /// Of an owner: it ends now, so that the newer build can own the home.
    #[serde(default)]
    pub gives_way: bool,
}

/// To whoever asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Told {
    /// The owner's answer to the hello.
    Hello {
        jsonrpc: Version,
        id: Id,
        result: HelloResult,
    },
    /// A command is done.
    Result {
        jsonrpc: Version,
        id: Id,
        result: Answer,
    },
    /// A request failed.
    Error {
        jsonrpc: Version,
        id: Id,
        error: Refusal,
    },
    /// Unasked.
    Notice {
        jsonrpc: Version,
        method: NoticeWord,
        params: Noticed,
    },
    /// Unasked: a subscription has come to its end.
    Ended {
        jsonrpc: Version,
        method: EndedWord,
        params: Ended,
    },
    /// The description of all methods.
    Document {
        jsonrpc: Version,
        id: Id,
        result: Value,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HelloResult {
    pub hello: Hello,
}

/// For the subscription that the request of this id made.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Noticed {
    pub subscription: Id,
    #[serde(flatten)]
    pub notice: Notice,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NoticeWord {
    Notice,
}

/// The subscription that the request of this id made, and why it has ended.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ended {
    pub subscription: Id,
    pub error: Refusal,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EndedWord {
    Ended,
}

/// A JSON-RPC error object.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Refusal {
    pub code: i32,
    pub message: String,
    pub data: FailureKind,
}

/// What is wrong with a line.
#[derive(Debug)]
pub(super) struct Wrong {
    pub id: Id,
    pub refusal: Refusal,
}

impl Refusal {
    pub fn no_json() -> Self {
        Self::of_line(-32_700, "the line is no JSON in UTF-8")
    }

    pub fn no_request(why: &str) -> Self {
        Self::of_line(-32_600, why)
    }

    fn of_line(code: i32, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: FailureKind::User,
        }
    }
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

/// A guest's hello as a line.
pub(super) fn hello_line(hello: &Hello) -> Vec<u8> {
    request_line(
        0,
        None,
        "hello",
        serde_json::to_value(hello).unwrap_or_default(),
    )
}

/// A guest's command as a line.
pub(super) fn command_line(id: u64, caller: &Caller, command: &Command) -> Vec<u8> {
    let (method, params) = spoken(command);
    request_line(id, Some(caller), &method, params)
}

fn request_line(id: u64, caller: Option<&Caller>, method: &str, params: Value) -> Vec<u8> {
    #[derive(Serialize)]
    struct Asked<'a> {
        jsonrpc: Version,
        id: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        caller: Option<&'a Caller>,
        method: &'a str,
        params: Value,
    }
    line(&Asked {
        jsonrpc: Version::Two,
        id,
        caller,
        method,
        params,
    })
}

/// Reads a line of whoever asks.
pub(super) fn request(text: &[u8]) -> Result<Request, Wrong> {
    let null = |refusal| Wrong {
        id: Id::null(),
        refusal,
    };
    let whole: Value = serde_json::from_slice(text).map_err(|_| null(Refusal::no_json()))?;
    let Value::Object(mut whole) = whole else {
        let why = "a request is one object on a line of its own; batches are not taken";
        return Err(null(Refusal::no_request(why)));
    };
    let id = match whole.remove("id") {
        None => None,
        Some(id @ (Value::Null | Value::Number(_) | Value::String(_))) => Some(Id(id)),
        Some(_) => {
            let why = "`id` is a number, a string or null";
            return Err(null(Refusal::no_request(why)));
        }
    };
    asks(whole)
        .map(|asks| Request {
            id: id.clone(),
            asks,
        })
        .map_err(|refusal| Wrong {
            id: id.unwrap_or_else(Id::null),
            refusal,
        })
}

fn asks(mut whole: Map<String, Value>) -> Result<Asks, Refusal> {
    if whole.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(Refusal::no_request("`jsonrpc` has to be \"2.0\""));
    }
    let Some(Value::String(method)) = whole.remove("method") else {
        return Err(Refusal::no_request("`method` is missing, or no string"));
    };
    let params = whole.remove("params");
    match method.as_str() {
        "hello" => read(params).map(Asks::Hello),
        "rpc.discover" => Ok(Asks::Discover),
        "unsubscribe" => {
            #[derive(Deserialize)]
            struct Which {
                subscription: Id,
            }
            read::<Which>(params).map(|which| Asks::Unsubscribe(which.subscription))
        }
        method => {
            let caller = caller(whole.remove("caller"))?;
            let command = understood(method, params).map_err(|refused| match refused {
                NotACommand::Method => Refusal::of_line(
                    -32_601,
                    "there is no such method; `rpc.discover` tells those there are",
                ),
                NotACommand::Params(why) => Refusal::of_line(-32_602, why),
            })?;
            Ok(Asks::Command(caller, command))
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(params: Option<Value>) -> Result<T, Refusal> {
    let params = params.unwrap_or_else(|| Value::Object(Map::new()));
    serde_json::from_value(params).map_err(|error| Refusal::of_line(-32_602, error.to_string()))
}

fn caller(named: Option<Value>) -> Result<Option<Caller>, Refusal> {
    match named {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) if !name.is_empty() && name.len() <= CALLER_BYTES_MAX => {
            Ok(Some(Caller(name)))
        }
        Some(_) => Err(Refusal::no_request(
            "`caller` is a string of 1 to 128 bytes that names this request and no other",
        )),
    }
}

/// What was read.
pub(super) enum Read {
    /// A line, without its end.
    Line,
    /// More than a line may hold.
    TooLong,
    /// Nothing more comes.
    End,
}

/// Reads the next line of at most `max` bytes.
pub(super) async fn next_line<R: AsyncBufRead + Unpin>(
    from: &mut R,
    into: &mut Vec<u8>,
    max: u64,
) -> Read {
    into.clear();
    match (&mut *from).take(max).read_until(b'\n', into).await {
        Ok(0) | Err(_) => Read::End,
        Ok(_) if into.last() == Some(&b'\n') => {
            into.pop();
            Read::Line
        }
        Ok(read) if read as u64 >= max => Read::TooLong,
        // The last line needs no end.
        Ok(_) => Read::Line,
    }
}
