//! `devices merge`: two lists of devices made one again.

use super::list;
use crate::commands::evidence;
use crate::papers::Papers;
use crate::proving::{Choosing, Proving};
use crate::seat::{Setting, account, unexpected, whereabouts};
use crate::text::harmless;
use serde::Serialize;
use std::path::Path;
use subrosa_client::enrol::{Joined, Whose, merge_devices};
use subrosa_client::{Answer, Client, Command};

#[derive(Serialize)]
struct Shown<'a> {
    /// How many branches were taken in.
    joined: usize,
    /// Whether this device was added anew.
    added: bool,
    /// Devices that are over by it.
    ended: &'a [String],
    /// Devices that have to log in anew.
    left_out: &'a [String],
    /// Whether password and recovery code are new.
    renewed: bool,
    /// The file in the home that holds the new secrets.
    file: Option<String>,
}

pub(super) async fn merge(
    client: &Client,
    setting: &Setting,
    file: Option<&Path>,
    (proving, choosing): (&Proving, &Choosing),
) -> anyhow::Result<()> {
    let evidence = file.map(evidence::read).transpose()?;
    let own = match client.call(Command::OwnChain {}).await? {
        Answer::OwnChain(own) => own,
        other => return Err(unexpected(&other).into()),
    };
    let who = account(client).await?;
    let (address, name) = whereabouts(&who)?;
    let whose = Whose {
        address: &address,
        name: &name,
    };
    let proof = proving.proof(setting, &who.name).await?;
    let choice = choosing.choice(setting).await?;
    let home = setting.home()?;
    let mut papers = Papers::new(&home, setting.output, who.address.clone(), who.name.clone());
    let mut progress = |step: &str| setting.output.talk(&format!("{step} …"));
    let known = (&own, evidence.as_deref());
    let joined = merge_devices(whose, &proof, known, &choice, &mut papers, &mut progress).await?;
    let written = if joined.renewed {
        papers.count()?
    } else {
        None
    };
    // This device learns of it, and carries what was ended into the conversations.
    if list(client).await.is_ok() {
        client.call(Command::Drain {}).await?;
    }
    let file = written.map(|file| home.file(file).display().to_string());
    if let Some(file) = &file {
        setting.output.talk(&format!(
            "what is new is in {file}: put it in a safe place and remove the file"
        ));
    }
    let shown = Shown {
        joined: joined.branches,
        added: joined.added,
        ended: &joined.revoked,
        left_out: &joined.left_out,
        renewed: joined.renewed,
        file,
    };
    setting.output.either(&shown, &told(&joined))
}

fn told(joined: &Joined) -> String {
    let mut lines = Vec::new();
    lines.push(match (joined.branches, joined.added) {
        (0, false) => "there is nothing to join: the server has this home's list of devices",
        (0, true) => "this device is one of the account's again",
        _ => "the two lists of devices are one again; your contacts are asked whether they accept it",
    }
    .to_owned());
    let named = |labels: &[String]| {
        let labels: Vec<_> = labels
            .iter()
            .map(|label| harmless(label).to_string())
            .collect();
        labels.join(", ")
    };
    if !joined.revoked.is_empty() {
        lines.push(format!("ended with it: {}", named(&joined.revoked)));
    }
    if !joined.left_out.is_empty() {
        lines.push(format!(
            "not in it, and to be made known again there by `subrosa devices merge`: {}",
            named(&joined.left_out)
        ));
    }
    if joined.renewed {
        lines.push(
            "password and recovery code are new; the old ones are worth nothing now".to_owned(),
        );
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_told_line_by_line() {
        let mut joined = Joined {
            branches: 0,
            added: false,
            renewed: false,
            revoked: Vec::new(),
            left_out: Vec::new(),
        };
        assert!(told(&joined).starts_with("there is nothing to join"));
        joined.added = true;
        assert_eq!(told(&joined).lines().count(), 1);
        joined.branches = 1;
        joined.renewed = true;
        joined.revoked = vec!["pho\u{1b}ne".to_owned(), "tablet".to_owned()];
        joined.left_out = vec!["laptop".to_owned()];
        let lines = told(&joined);
        assert_eq!(lines.lines().count(), 4, "{lines}");
        assert!(
            lines.contains("ended with it: pho\\u{1b}ne, tablet"),
            "{lines}"
        );
    }
}
