//! Addresses and invite lines (docs/spec/channel.md, "Addresses").
//!
//! ```text
//! subrosa://host[:port][,host2[:port2]…]/KEY          an address
//! subrosa://host[:port][,host2[:port2]…]/KEY/SECRET   an invite line
//! subrosa://host[:port][,host2[:port2]…]/KEY/SECRET/NAME   the line of a bot of that name
//! ```
//! KEY is the server's X25519 key and SECRET 16 random bytes, both in Crockford's base32
//! followed by one check character. Nothing in a line needs quoting in a shell, except the
//! brackets of an IPv6 host.

use crate::{Name, limits};
use data_encoding::{Encoding, Specification};
use std::fmt;
use std::sync::LazyLock;

const SCHEME: &str = "subrosa://";
const SYMBOLS: &str = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Crockford's alphabet; read without regard to case, O as 0, I and L as 1.
static BASE32: LazyLock<Option<Encoding>> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str(SYMBOLS);
    specification
        .translate
        .from
        .push_str("abcdefghjkmnpqrstvwxyzOoIiLl");
    specification
        .translate
        .to
        .push_str("ABCDEFGHJKMNPQRSTVWXYZ001111");
    specification.encoding().ok()
});

/// Why a line is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It does not begin with `subrosa://`.
    #[error("an address begins with subrosa://")]
    Scheme,
    /// No host, too many, or a host with characters that hosts do not have.
    #[error("the part between subrosa:// and the next slash is not a list of one to four hosts")]
    Host,
    /// A port that is not a number from 1 to 65535.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// The key is missing or has the wrong length.
    #[error("the server's key is incomplete; the line was cut")]
    KeyLength,
    /// The secret is missing or has the wrong length.
    #[error("the invite's secret is incomplete; the line was cut")]
    SecretLength,
    /// What stands behind the secret is no name of a bot.
    #[error("what stands behind the secret is no name of a bot; copy the line again")]
    Bot,
    /// A check character does not fit.
    #[error("a character of the {0} is wrong; copy the line again")]
    Mistyped(&'static str),
    /// The line carries an invite where an address was wanted, or the other way round.
    #[error("{0}")]
    Other(&'static str),
}

/// Where a server may be reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    pub name: String,
    /// TCP port.
    pub port: u16,
}

/// A server: one to four hosts and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Tried in parallel; a wrong one cannot finish the handshake.
    pub hosts: Vec<Host>,
    /// The server's X25519 public key.
    pub key: [u8; 32],
}

/// The secret of an invite line. Whoever holds it may create one account.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteSecret(pub [u8; 16]);

impl fmt::Debug for InviteSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteSecret(redacted)")
    }
}

/// An address with an invite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteLine {
    /// The server.
    pub address: Address,
    /// The invite.
    pub secret: InviteSecret,
    /// The bot whose home it makes; absent in a person's line.
    pub bot: Option<Name>,
}

impl Host {
    /// Reads `name`, `name:port`, `[v6]` or `[v6]:port`.
    ///
    /// # Errors
    /// [`AddressError::Host`] or [`AddressError::Port`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (name, port) = if let Some(rest) = text.strip_prefix('[') {
            let (name, after) = rest.split_once(']').ok_or(AddressError::Host)?;
            name.parse::<std::net::Ipv6Addr>()
                .map_err(|_| AddressError::Host)?;
            match after {
                "" => (name, None),
                _ => (
                    name,
                    Some(after.strip_prefix(':').ok_or(AddressError::Host)?),
                ),
            }
        } else {
            let (name, port) = text
                .split_once(':')
                .map_or((text, None), |(name, port)| (name, Some(port)));
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            if name.is_empty()
                || name.len() > 253
                || !name.chars().all(allowed)
                || name.starts_with('-')
            {
                return Err(AddressError::Host);
            }
            (name, port)
        };
        let port = match port {
            None => limits::PORT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or(AddressError::Port)?,
        };
        Ok(Self {
            name: name.to_ascii_lowercase(),
            port,
        })
    }

    /// Reads a comma-separated list.
    ///
    /// # Errors
    /// As [`Host::parse`], and when there are none or more than four.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, AddressError> {
        let hosts = text
            .split(',')
            .map(Self::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if hosts.is_empty() || hosts.len() > limits::ADDRESS_HOSTS_MAX {
            Err(AddressError::Host)
        } else {
            Ok(hosts)
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]", self.name)?
        } else {
            f.write_str(&self.name)?
        }
        if self.port == limits::PORT {
            Ok(())
        } else {
            write!(f, ":{}", self.port)
        }
    }
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`AddressError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (address, invite) = split(text)?;
        match invite {
            None => Ok(address),
            Some(_) => Err(AddressError::Other(
                "this is an invite line, not an address; use it with join",
            )),
        }
    }
    /// The hosts as they stand in an address.
    #[must_use]
    pub fn hosts_text(&self) -> String {
        self.hosts
            .iter()
            .map(Host::to_string)
            .collect::<Vec<_>>()
            .join(",")
    }
    /// Whether the line must be quoted in a shell.
    #[must_use]
    pub fn needs_quotes(&self) -> bool {
        self.hosts.iter().any(|host| host.name.contains(':'))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{SCHEME}{}/{}",
            self.hosts_text(),
            checked_text(&self.key)
        )
    }
}

impl InviteLine {
    /// Reads an invite line.
    ///
    /// # Errors
    /// [`AddressError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        match split(text)? {
            (address, Some((secret, bot))) => Ok(Self {
                address,
                secret,
                bot,
            }),
            _ => Err(AddressError::Other(
                "this is an address without an invite; ask a member for a join line",
            )),
        }
    }
    /// The line: a secret, for the eyes of one person. Not `Display`, so that no log takes it by accident.
    #[must_use]
    pub fn line(&self) -> String {
        let line = format!("{}/{}", self.address, checked_text(&self.secret.0));
        match &self.bot {
            Some(bot) => format!("{line}/{bot}"),
            None => line,
        }
    }
}

/// What an invite line holds beside the address.
type Invite = (InviteSecret, Option<Name>);

fn split(text: &str) -> Result<(Address, Option<Invite>), AddressError> {
    let text = text.trim();
    if text.len() > limits::ADDRESS_BYTES_MAX {
        return Err(AddressError::Host);
    }
    let head = text.get(..SCHEME.len()).ok_or(AddressError::Scheme)?;
    if !head.eq_ignore_ascii_case(SCHEME) {
        return Err(AddressError::Scheme);
    }
    let mut parts = text
        .get(SCHEME.len()..)
        .unwrap_or_default()
        .trim_end_matches('/')
        .split('/');
    let hosts = Host::parse_list(parts.next().unwrap_or_default())?;
    let key = checked_bytes(
        parts.next().ok_or(AddressError::KeyLength)?,
        AddressError::KeyLength,
        "key",
    )?;
    let secret = match parts.next() {
        None => None,
        Some(text) => Some(InviteSecret(checked_bytes(
            text,
            AddressError::SecretLength,
            "secret",
        )?)),
    };
    let bot = parts.next().map(Name::new).transpose();
    let bot = bot.map_err(|_| AddressError::Bot)?;
    if parts.next().is_some() {
        Err(AddressError::SecretLength)
    } else {
        Ok((Address { hosts, key }, secret.map(|secret| (secret, bot))))
    }
}

/// Base32 of the bytes, then the check character.
fn checked_text(bytes: &[u8]) -> String {
    let mut text = BASE32
        .as_ref()
        .map(|base32| base32.encode(bytes))
        .unwrap_or_default();
    text.push(symbol(check_value(&text)));
    text
}

fn checked_bytes<const N: usize>(
    text: &str,
    length: AddressError,
    what: &'static str,
) -> Result<[u8; N], AddressError> {
    let base32 = BASE32.as_ref().ok_or(AddressError::Mistyped(what))?;
    if text.len() != base32.encode_len(N) + 1 {
        return Err(length);
    }
    let wrong = || AddressError::Mistyped(what);
    let (body, check) = text.split_at_checked(text.len() - 1).ok_or_else(wrong)?;
    let bytes = base32.decode(body.as_bytes()).map_err(|_| wrong())?;
    let bytes: [u8; N] = bytes.try_into().map_err(|_| wrong())?;
    let expected = symbol(check_value(&base32.encode(&bytes)));
    let given = check.chars().next().map(canonical).ok_or_else(wrong)?;
    if expected == given {
        Ok(bytes)
    } else {
        Err(wrong())
    }
}

fn canonical(c: char) -> char {
    match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    }
}

fn symbol(value: u8) -> char {
    SYMBOLS
        .as_bytes()
        .get(usize::from(value & 31))
        .map_or('0', |byte| char::from(*byte))
}

/// Σ v_i · α^(i+1) in GF(32) with x⁵ + x² + 1: every single wrong character and every swap of
/// two neighbours changes it.
fn check_value(text: &str) -> u8 {
    text.chars().rev().fold(0, |sum, c| {
        double(
            sum ^ SYMBOLS
                .find(c)
                .and_then(|v| u8::try_from(v).ok())
                .unwrap_or(0),
        )
    })
}

fn double(value: u8) -> u8 {
    let shifted = value << 1;
    if shifted & 0x20 == 0 {
        shifted
    } else {
        (shifted ^ 0x25) & 0x1f
    }
}

#[cfg(test)]
mod tests;
