//! What the server saw, in words.

use data_encoding::HEXLOWER;
use serde::Serialize;
use std::collections::HashMap;
use subrosa_proto::{AccountId, Control, decode};
use subrosa_server::Seen;

/// Bytes shown of something long.
const SHOWN_BYTES: usize = 24;

/// One thing that the server saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sight {
    /// Which step it belongs to.
    pub step: &'static str,
    /// In words.
    pub text: String,
    /// The bytes it saw, hexadecimal; only the first of many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<String>,
}

/// The names that the server knows.
#[derive(Debug, Default)]
pub struct Names(HashMap<AccountId, String>);

impl Names {
    /// In words; learns names on the way.
    pub fn sight(&mut self, seen: &Seen) -> Sight {
        if let Seen::Registered { name, account, .. } = seen {
            self.0.insert(*account, name.to_string());
        }
        self.of_account(seen)
            .or_else(|| self.of_conversation(seen))
            .unwrap_or_else(|| {
                Sight::new(
                    "other",
                    "something that this version has no words for".to_owned(),
                    None,
                )
            })
    }

    /// Connections, registrations and logins.
    fn of_account(&self, seen: &Seen) -> Option<Sight> {
        Some(match seen {
            Seen::Handshake {
                connection,
                transcript,
            } => {
                let text = format!("connection {connection}: keys agreed, transcript");
                Sight::new("handshake", text, Some(transcript))
            }
            Seen::Registered {
                name,
                verifier,
                bundle_bytes,
                ..
            } => {
                let size = verifier.len();
                let text = format!(
                    "{name}: a sealed bundle of {bundle_bytes} bytes, and in place of a password a verifier of {size} bytes"
                );
                Sight::new("registration", text, Some(verifier))
            }
            Seen::PasswordLogin {
                connection,
                account,
            } => {
                let name = self.of(account);
                let text = format!(
                    "connection {connection}: {name} proved the password without sending it"
                );
                Sight::new("login", text, None)
            }
            Seen::DeviceLogin {
                connection,
                account,
                device,
            } => {
                let name = self.of(account);
                let text = format!(
                    "connection {connection}: a device of {name} signed the transcript, device"
                );
                Sight::new("login", text, Some(device.as_bytes()))
            }
            _ => return None,
        })
    }

    /// Conversations, and what goes through them.
    fn of_conversation(&self, seen: &Seen) -> Option<Sight> {
        Some(match seen {
            Seen::Created { conv, account } => {
                let text = format!("{} opened one, id", self.of(account));
                Sight::new("conversation", text, Some(conv.as_bytes()))
            }
            Seen::Keys { account, boxes } => self.keys(account, boxes),
            Seen::Message {
                position,
                account,
                size,
                ciphertext,
                ..
            } => self.event(*position, account, *size, ciphertext),
            Seen::Delivered {
                first,
                count,
                account,
                device,
                ..
            } => {
                let last = first + u64::try_from(*count).unwrap_or(0).saturating_sub(1);
                let events = if *count == 1 {
                    format!("event {first}")
                } else {
                    format!("events {first} to {last}")
                };
                let text = format!("{events} to a device of {}", self.of(account));
                Sight::new("delivery", text, Some(device.as_bytes()))
            }
            Seen::Receipt { account, size, .. } => Sight::new(
                "receipt",
                format!("from {}, sealed, {size} bytes", self.of(account)),
                None,
            ),
            Seen::Typing { account, .. } => Sight::new(
                "typing",
                format!("from {}, sealed: begun or ended", self.of(account)),
                None,
            ),
            _ => return None,
        })
    }

    fn keys<B: AsRef<[u8]>>(&self, account: &AccountId, boxes: &[B]) -> Sight {
        let size: usize = boxes.iter().map(|sealed| sealed.as_ref().len()).sum();
        let text = format!(
            "from {}: {} sealed {} with a session's key, {size} bytes",
            self.of(account),
            boxes.len(),
            if boxes.len() == 1 { "box" } else { "boxes" }
        );
        Sight::new("key share", text, boxes.first().map(AsRef::as_ref))
    }

    /// Which of the three kinds an event is shows in its body: none, words in clear, or sealed.
    fn event(&self, position: u64, account: &AccountId, size: usize, body: &bytes::Bytes) -> Sight {
        let from = self.of(account);
        if body.is_empty() {
            return Sight::new(
                "key share",
                format!("event {position} from {from} opens a session, {size} bytes"),
                None,
            );
        }
        if decode::<Control>(body).is_ok() {
            return Sight::new(
                "conversation",
                format!("event {position} from {from} changes the members, {size} bytes"),
                Some(body),
            );
        }
        Sight::new(
            "message",
            format!(
                "event {position} from {from}, {size} bytes, of them {} sealed",
                body.len()
            ),
            Some(body),
        )
    }

    fn of(&self, account: &AccountId) -> String {
        let name = self.0.get(account).cloned();
        name.unwrap_or_else(|| account.to_string().chars().take(8).collect())
    }
}

impl Sight {
    fn new(step: &'static str, text: String, bytes: Option<&[u8]>) -> Self {
        Self {
            step,
            text,
            bytes: bytes.map(hex),
        }
    }

    /// On one line.
    pub fn line(&self) -> String {
        let bytes = self
            .bytes
            .as_ref()
            .map_or(String::new(), |bytes| format!(" {bytes}"));
        format!("{:<12} {}{bytes}", self.step, self.text)
    }
}

fn hex(bytes: &[u8]) -> String {
    let shown = bytes.get(..SHOWN_BYTES).unwrap_or(bytes);
    let more = if bytes.len() > SHOWN_BYTES { "…" } else { "" };
    format!("{}{more}", HEXLOWER.encode(shown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use subrosa_proto::{ConvId, Name, encode};

    fn ada() -> Seen {
        Seen::Registered {
            connection: 1,
            name: Name::new("ada").unwrap(),
            account: AccountId([1; 32]),
            verifier: Bytes::from(vec![0xab; 192]),
            bundle_bytes: 900,
        }
    }

    fn event(body: Bytes) -> Seen {
        Seen::Message {
            conv: ConvId([2; 32]),
            position: 4,
            account: AccountId([1; 32]),
            size: 300,
            ciphertext: body,
        }
    }

    #[test]
    fn names_are_known_from_the_registration_on() {
        let mut names = Names::default();
        let login = Seen::PasswordLogin {
            connection: 1,
            account: AccountId([1; 32]),
        };
        assert!(names.sight(&login).text.contains("01010101"));
        let sight = names.sight(&ada());
        assert_eq!(sight.step, "registration");
        assert!(
            sight
                .line()
                .contains(&format!("192 bytes {}…", "ab".repeat(24))),
            "{}",
            sight.line()
        );
        assert!(names.sight(&login).text.contains("ada proved"));
    }

    #[test]
    fn the_three_kinds_of_events_are_told_apart() {
        let mut names = Names::default();
        names.sight(&ada());
        assert_eq!(names.sight(&event(Bytes::new())).step, "key share");
        assert_eq!(
            names.sight(&event(encode(&Control::Accept {}))).step,
            "conversation"
        );
        let sealed = names.sight(&event(Bytes::from(vec![0x5a; 112])));
        assert_eq!(
            (sealed.step, sealed.bytes.unwrap().len()),
            ("message", 2 * SHOWN_BYTES + "…".len())
        );
    }
}
