//! `export`: what is here, written down and signed; and whether such a folder is what was signed.

use super::{catch_up, with_client};
use crate::export::check::{Checked, check};
use crate::export::folder::Folder;
use crate::export::{Form, Talk, index, pages};
use crate::progress::Bar;
use crate::row::day_and_time;
use crate::seat::{Setting, account, conversations, unexpected};
use crate::text::harmless;
use crate::when::now_ms;
use serde::Serialize;
use std::path::{Path, PathBuf};
use subrosa_client::{
    AccountView, Answer, Client, Command, ConversationView, EXPORT_FORMAT, EXPORT_VERSION,
    ExportTalk, Failure, HistoryView, LinkState, Manifest, UpkeepCommand, manifest_digest,
};

const EXAMPLES: &str = "\
Examples:
  subrosa export mail                        everything, as objects, into the new folder mail
  subrosa export mail --form html            to be read in a browser
  subrosa export ops --only '#ops' --form markdown
  subrosa export verify mail                 whether it is what the device signed; needs no account";

/// Write down what is here, signed by this device
///
/// The manifest lists each file with its SHA-256; the signature proves that this device wrote it down so, not that
/// others said it. What is deleted or has disappeared is not in it, and what people you blocked wrote is hidden.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    /// The folder, which must not be there yet
    #[arg(value_name = "DIR", required = true)]
    folder: Option<PathBuf>,
    /// Only this conversation
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// How it is written
    #[arg(long, value_enum, default_value = "jsonl")]
    form: Form,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Check an export with nothing but what is in it
    #[command(before_help = "Examples:\n  subrosa export verify mail")]
    Verify {
        /// Its folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

#[derive(Serialize)]
struct Written<'a> {
    folder: &'a Path,
    conversations: usize,
    rows: u64,
    missing: u64,
}

/// Exports or verifies.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    if let Some(What::Verify { folder }) = &args.what {
        return verify(folder, setting);
    }
    let Some(target) = args.folder.clone() else {
        return Err(Failure::user("name a folder: `subrosa export --help` shows examples").into());
    };
    with_client(setting, "export", async |client: &Client| {
        catch_up(client).await?;
        let own = account(client).await?;
        let history = history(client).await?;
        if let LinkState::Offline { cause, .. } | LinkState::Refused { cause } = &own.link {
            setting.output.talk(&format!("{cause}; this is what is here already"));
        }
        let talks = talks(client, args.only.as_deref()).await?;
        let mut folder = Folder::begin(&target)?;
        let written = write(client, setting, &mut folder, args.form, &talks, &history).await?;
        index(&mut folder, args.form, &own.name, &written)?;
        let missing = history.events.saturating_sub(history.events_here);
        let rows = written.iter().map(|talk| talk.rows).sum();
        let conversations = written.len();
        seal(client, folder, &own, args.form, missing, written).await?;
        if missing > 0 {
            setting.output.talk(&format!(
                "{missing} messages of the history had not come yet and are not in it: `subrosa read` fetches them"
            ));
        }
        let told = Written {
            folder: &target,
            conversations,
            rows,
            missing,
        };
        let line = format!(
            "{rows} rows of {conversations} conversations are in {}, signed by this device",
            harmless(&target.to_string_lossy())
        );
        setting.output.either(&told, &line)
    })
    .await
}

async fn write(
    client: &Client,
    setting: &Setting,
    folder: &mut Folder,
    form: Form,
    talks: &[ConversationView],
    history: &HistoryView,
) -> anyhow::Result<Vec<ExportTalk>> {
    let mut bar = Bar::new(setting.output, history.events_here, "exporting", "messages");
    let (mut written, mut before) = (Vec::new(), 0);
    for (number, view) in talks.iter().enumerate() {
        let mut talk = Talk::begin(folder, form, number + 1, view)?;
        pages::each_row(client, &view.name, |row| {
            talk.row(row)?;
            bar.done(before + talk.rows());
            Ok(())
        })
        .await?;
        before += talk.rows();
        written.push(talk.end(folder)?);
    }
    Ok(written)
}

async fn seal(
    client: &Client,
    folder: Folder,
    own: &AccountView,
    form: Form,
    missing: u64,
    conversations: Vec<ExportTalk>,
) -> anyhow::Result<()> {
    let manifest = Manifest {
        format: EXPORT_FORMAT.to_owned(),
        version: EXPORT_VERSION,
        name: own.name.clone(),
        account: own.account.clone(),
        device: own.device.clone(),
        made_ms: now_ms(),
        form: form.name().to_owned(),
        missing,
        conversations,
        files: folder.files().to_vec(),
    };
    let mut bytes = serde_json::to_vec_pretty(&manifest)?;
    bytes.push(b'\n');
    let digest = manifest_digest(&bytes);
    let signature = match client
        .call(Command::Upkeep(UpkeepCommand::SignExport { digest }))
        .await?
    {
        Answer::Signature(signature) => signature,
        other => return Err(unexpected(&other).into()),
    };
    let mut under = serde_json::to_vec_pretty(&signature)?;
    under.push(b'\n');
    folder.finish(&bytes, &under)
}

async fn history(client: &Client) -> anyhow::Result<HistoryView> {
    match client.call(Command::History {}).await? {
        Answer::History(view) => Ok(view),
        other => Err(unexpected(&other).into()),
    }
}

async fn talks(client: &Client, only: Option<&str>) -> anyhow::Result<Vec<ConversationView>> {
    let mut talks = conversations(client).await?;
    if let Some(only) = only {
        talks.retain(|talk| talk.name == only || talk.name.strip_prefix('@') == Some(only));
        if talks.is_empty() {
            let sentence = format!(
                "there is no conversation {only} here: `subrosa read` shows those there are"
            );
            return Err(Failure::user(sentence).into());
        }
    }
    talks.retain(|talk| !talk.blocked);
    Ok(talks)
}

fn verify(folder: &Path, setting: &Setting) -> anyhow::Result<()> {
    let mut bar: Option<Bar> = None;
    let checked = check(folder, |read| {
        let bar = bar.get_or_insert_with(|| Bar::new(setting.output, read, "verifying", "bytes"));
        bar.done(read);
    })?;
    drop(bar);
    for other in &checked.others {
        setting
            .output
            .talk(&format!("{other} is no part of it: nobody signed that"));
    }
    setting.output.either(&checked.manifest, &told(&checked))
}

fn told(checked: &Checked) -> String {
    let Checked {
        manifest, signer, ..
    } = checked;
    let mut lines = vec![
        "it holds: every file is as the device signed it".to_owned(),
        format!(
            "  account   {}  {}",
            harmless(&signer.name),
            harmless(&manifest.account)
        ),
        format!(
            "  device    {}  {}",
            harmless(&signer.label),
            harmless(&manifest.device)
        ),
        format!(
            "  made      {}, by that device's clock",
            day_and_time(manifest.made_ms)
        ),
        format!(
            "  holds     {} rows of {} conversations, as {}",
            manifest
                .conversations
                .iter()
                .map(|talk| talk.rows)
                .sum::<u64>(),
            manifest.conversations.len(),
            harmless(&manifest.form)
        ),
    ];
    if manifest.missing > 0 {
        lines.push(format!(
            "  lacks     {} messages that had not come to the device",
            manifest.missing
        ));
    }
    if signer.revoked {
        lines.push("  the account had revoked this device when it was made".to_owned());
    }
    lines.push(
        "This is what the device wrote down. That the account is who you think it is, its safety number tells."
            .to_owned(),
    );
    lines.join("\n")
}
