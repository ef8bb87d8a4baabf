//! Join lines as people pass them on.

use serde::Serialize;
use std::net::IpAddr;
use subrosa_client::{Answer, Client, Command, Failure, InviteView};
use subrosa_proto::{Address, Host, InviteLine};

/// A join line, ready to be handed to one person.
#[derive(Debug, Serialize)]
pub struct Invitation {
    /// The whole command, safe in a shell.
    pub join: String,
    /// The line alone.
    pub line: String,
    /// When it ends, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
}

impl From<InviteLine> for Invitation {
    fn from(mut line: InviteLine) -> Self {
        line.address = outward(line.address);
        let text = line.line();
        let join = if line.address.needs_quotes() {
            format!("subrosa join '{text}'")
        } else {
            format!("subrosa join {text}")
        };
        Self {
            join,
            line: text,
            expires_ms: None,
        }
    }
}

impl Invitation {
    /// The line of a bot.
    pub fn for_bot(view: &InviteView) -> Result<Self, Failure> {
        of(view, None)
    }
}

/// Asks the client for a new line. It names `address`, where the server's is known better than
/// the client knows it.
pub async fn new(client: &Client, address: Option<&Address>) -> Result<Invitation, Failure> {
    into(client, address, Command::Invite {}).await
}

/// The same, by a command of its own: an invite into a room.
pub async fn into(
    client: &Client,
    address: Option<&Address>,
    command: Command,
) -> Result<Invitation, Failure> {
    match client.call(command).await? {
        Answer::Invite(view) => of(&view, address),
        other => Err(crate::seat::unexpected(&other)),
    }
}

fn of(view: &InviteView, address: Option<&Address>) -> Result<Invitation, Failure> {
    let line = InviteLine::parse(&view.line).map_err(|error| {
        Failure::defect(format!(
            "the client made a line that does not read ({error}); please report it"
        ))
    })?;
    let address = address.cloned().unwrap_or(line.address);
    let line = InviteLine {
        address,
        secret: line.secret,
        bot: line.bot,
    };
    Ok(Invitation {
        expires_ms: Some(view.expires_ms),
        ..line.into()
    })
}

/// An address for others: this machine's loopback means another machine to them, so it stays
/// only where there is nothing else.
pub fn outward(mut address: Address) -> Address {
    if address.hosts.iter().any(|host| !is_loopback(host)) {
        address.hosts.retain(|host| !is_loopback(host));
    }
    address
}

fn is_loopback(host: &Host) -> bool {
    host.name == "localhost"
        || host
            .name
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use subrosa_proto::InviteSecret;

    fn join(hosts: &str) -> String {
        let address = Address {
            hosts: Host::parse_list(hosts).unwrap(),
            key: [7; 32],
        };
        Invitation::from(InviteLine {
            address,
            secret: InviteSecret([9; 16]),
            bot: None,
        })
        .join
    }

    #[test]
    fn loopback_is_named_only_if_there_is_nothing_else() {
        assert!(join("127.0.0.1:40").starts_with("subrosa join subrosa://127.0.0.1:40/"));
        assert!(
            join("127.0.0.1:40,192.0.2.7:40,localhost")
                .starts_with("subrosa join subrosa://192.0.2.7:40/")
        );
        assert!(join("[::1],chat.example").starts_with("subrosa join subrosa://chat.example/"));
    }

    #[test]
    fn brackets_are_quoted_and_nothing_else() {
        assert!(join("[2001:db8::7]:40").starts_with("subrosa join 'subrosa://[2001:db8::7]:40/"));
        assert!(join("[2001:db8::7]").ends_with('\''));
        assert!(!join("192.0.2.7").contains('\''));
    }

    #[test]
    fn the_line_reads_back() {
        let join = join("192.0.2.7");
        let line = join.strip_prefix("subrosa join ").unwrap();
        assert_eq!(
            InviteLine::parse(line).unwrap().secret,
            InviteSecret([9; 16])
        );
    }
}
