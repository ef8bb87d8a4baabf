//! `verify`: safety numbers, shown and compared.

use super::{catch_up, with_client};
use crate::output::is_seen;
use crate::qr;
use crate::seat::{Setting, unexpected};
use crate::text::harmless;
use subrosa_client::{About, Answer, Client, Command, Comparison, Trust, VerificationView};

const EXAMPLES: &str = "\
Examples:
  subrosa verify bob                       shows 60 digits and a QR code; bob's screen shows the same
  subrosa verify bob --mark                you have compared them, and they are the same
  subrosa verify bob --number '12345 …'    compares what bob has read out to you
  subrosa verify bob --code SUBROSA:1:…    compares what a scanner read from bob's screen
  subrosa verify bob --unmark              takes it back";

/// Compare safety numbers with somebody
///
/// Do it face to face, or over a call on which you know the voice. The same number on both sides
/// means that nobody sits between you. Different numbers end with code 4.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub struct Args {
    /// With whom
    name: String,
    /// The digits that the other person reads out
    #[arg(long, value_name = "DIGITS", group = "how")]
    number: Option<String>,
    /// The text that a scanner read from the other person's QR code
    #[arg(long, value_name = "TEXT", group = "how")]
    code: Option<String>,
    /// You have compared them yourself
    #[arg(long, alias = "yes", group = "how")]
    mark: bool,
    /// You do not rely on it any more
    #[arg(long, group = "how")]
    unmark: bool,
    /// Draw the QR code though no terminal looks
    #[arg(long)]
    qr: bool,
}

/// Shows or compares.
pub async fn run(args: Args, setting: &Setting) -> anyhow::Result<()> {
    let comparison = match (&args.number, &args.code, args.mark, args.unmark) {
        (Some(number), ..) => Comparison::Number(number.clone()),
        (_, Some(code), ..) => Comparison::Code(code.clone()),
        (.., true, _) => Comparison::Mark,
        (.., true) => Comparison::Unmark,
        _ => Comparison::Show,
    };
    let shows = comparison == Comparison::Show;
    let settles = !shows;
    let view = with_client(setting, "verify", async |client: &Client| {
        catch_up(client).await?;
        let verify = About::Verify {
            contact: args.name.clone(),
            comparison,
        };
        let view = match client.call(Command::About { ask: verify }).await? {
            Answer::Verification(view) => view,
            other => return Err(unexpected(&other).into()),
        };
        if settles {
            // The other devices hear of it now rather than with the next command.
            client.call(Command::Drain {}).await?;
        }
        Ok(view)
    })
    .await?;
    if setting.output.json {
        return setting.output.object(&view);
    }
    if shows {
        show(&view, setting, args.qr)?;
    }
    setting.output.talk(&verdict(&view, shows));
    Ok(())
}

fn show(view: &VerificationView, setting: &Setting, drawn: bool) -> anyhow::Result<()> {
    if drawn || is_seen() {
        let coloured = is_seen() && std::env::var_os("NO_COLOR").is_none();
        for line in qr::draw(&view.code, coloured)? {
            setting.output.line(&line)?;
        }
        setting.output.line("")?;
    }
    let groups: Vec<_> = view.safety_number.split(' ').collect();
    groups
        .chunks(4)
        .try_for_each(|line| setting.output.line(&format!("    {}", line.join(" "))))
}

fn verdict(view: &VerificationView, shown: bool) -> String {
    let name = harmless(&view.name);
    match (view.trust, shown) {
        (Trust::Verified, false) => format!("{name} is verified"),
        (Trust::Verified, true) => {
            format!("{name} is verified already; the number has not changed since")
        }
        (_, true) => format!(
            "if {name} sees the same, `subrosa verify {name} --mark` keeps that on all your devices"
        ),
        (Trust::Invited, false) => {
            format!("{name} is not verified any more; one of you held the other's invite line")
        }
        (Trust::Unverified, false) => format!("{name} is not verified any more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(trust: Trust) -> VerificationView {
        VerificationView {
            name: "bob".to_owned(),
            account: String::new(),
            safety_number: String::new(),
            code: String::new(),
            trust,
            verified_ms: None,
        }
    }

    #[test]
    fn the_verdict_says_what_is_known_and_what_to_do() {
        assert!(verdict(&view(Trust::Unverified), true).contains("subrosa verify bob --mark"));
        assert_eq!(verdict(&view(Trust::Verified), false), "bob is verified");
        assert!(verdict(&view(Trust::Verified), true).contains("already"));
        assert!(verdict(&view(Trust::Invited), false).contains("not verified any more"));
    }
}
