//! What stands on pages.

use super::Page;
use crate::row::words;
use crate::tui::app::App;
use crate::tui::clock::Clock;
use crate::tui::event::Printed;
use crate::tui::keys::{KEYS, Place};
use crate::tui::slash::commands;
use crate::tui::theme::Ink;
use subrosa_client::{
    DeviceView, EvidenceView, InviteView, LossView, ReceiptView, SettingView, Trust, TrustView,
};

const GROUPS: [(Place, &str); 5] = [
    (Place::Everywhere, "Everywhere"),
    (Place::Chat, "In a conversation"),
    (Place::Writing, "While you write"),
    (Place::Reading, "While you read, after Esc"),
    (Place::List, "In lists and on pages"),
];

impl App {
    /// The help, made from the tables of keys and commands.
    pub(in crate::tui) fn help(&mut self) {
        let mut page = Page::titled("help");
        for (place, name) in GROUPS {
            page.head(name);
            for key in KEYS.iter().filter(|key| key.place == place) {
                page.row(key.named, Ink::Text, key.about);
            }
        }
        page.head("Commands, typed as a message");
        for command in commands() {
            let usage = format!("/{} {}", command.word, command.usage);
            page.row(usage.trim_end(), Ink::Text, command.about);
        }
        page.row("//TEXT", Ink::Text, "send a message that begins with /");
        page.head("Behind your messages");
        page.row(
            "…",
            Ink::Text,
            "waits here, and leaves by itself when the server is in reach",
        );
        page.row("›", Ink::Text, "on its way");
        page.row("✓", Ink::Text, "on the server's disk");
        page.row(
            "✓✓",
            Ink::Text,
            "on a device of everybody it is for; bold: read",
        );
        self.show(page);
    }

    pub(in crate::tui) fn invited(&mut self, invite: InviteView) {
        let command = format!("subrosa join {}", invite.line);
        let mut page = Page::titled("a join line");
        page.head("Give this to one person. It works once, within seven days:");
        page.line(Ink::Text, "");
        page.line(Ink::Accent, &command);
        page.line(Ink::Text, "");
        page.line(
            Ink::Dim,
            "It is copied already, where your terminal lets programs do that.",
        );
        self.effects.push(crate::tui::event::Effect::Copy(command));
        self.show(page);
    }
}

pub fn devices(devices: &[DeviceView]) -> Page {
    let mut page = Page::titled("your devices");
    for device in devices {
        let state = match (device.this, device.ended) {
            (true, _) => "this one",
            (_, true) => "ended",
            _ => "",
        };
        let id: String = device.device.chars().take(16).collect();
        let ink = if device.ended { Ink::Dim } else { Ink::Text };
        page.row(&device.label, ink, &format!("{id}  {state}"));
    }
    page.line(Ink::Text, "");
    page.line(Ink::Dim, "/device-name NAME renames this one");
    page
}

/// What a verb has printed.
pub fn printed(printed: &Printed) -> Page {
    let mut page = Page::titled(&printed.title);
    let ink = if printed.failed { Ink::Warn } else { Ink::Text };
    for line in printed.text.trim_end().lines() {
        page.line(ink, line.strip_prefix("subrosa: ").unwrap_or(line));
    }
    page
}

/// Why the home cannot be locked.
pub fn no_lock(why: &str) -> Page {
    let mut page = Page::titled("not locked");
    page.line(Ink::Text, why);
    page
}

/// What is known of a person, in one word.
pub const fn trust_words(trust: Trust) -> &'static str {
    match trust {
        Trust::Unverified => "not verified",
        Trust::Invited => "came by a join line",
        Trust::Verified => "verified",
    }
}

pub fn trust(keys: &[TrustView], clock: &Clock) -> Page {
    let mut page = Page::titled("keys");
    for view in keys {
        page.head(&format!("@{}", view.name));
        let ink = if view.trust == Trust::Verified {
            Ink::Good
        } else {
            Ink::Text
        };
        page.row("standing", ink, trust_words(view.trust));
        if let Some(at) = view.verified_ms {
            page.row("compared", Ink::Text, &clock.short(at));
        }
        if let Some(at) = view.changed_ms {
            page.row("devices changed", Ink::Text, &clock.short(at));
        }
        for device in &view.devices {
            let id: String = device.device.chars().take(16).collect();
            let since = if device.since_verified {
                "  added since you compared"
            } else {
                ""
            };
            page.row(&device.label, Ink::Text, &format!("{id}{since}"));
        }
        if let Some(problem) = &view.problem {
            page.line(Ink::Alarm, problem);
        }
        if let Some(fix) = &view.fix {
            page.line(Ink::Dim, &typed_fix(fix));
        }
    }
    page
}

/// A command line as it is typed here.
pub fn typed_fix(fix: &str) -> String {
    if fix.contains("--accept-new") {
        "/decide new takes the account that the server shows now, /decide known keeps the one you know".to_owned()
    } else {
        fix.replace("subrosa verify", "/verify")
            .replace("subrosa trust", "/trust")
    }
}

pub fn receipts(receipts: &[ReceiptView]) -> Page {
    let mut page = Page::titled("who has got it");
    if receipts.is_empty() {
        page.line(Ink::Dim, "it has not left yet");
    }
    for receipt in receipts {
        page.row(&receipt.name, Ink::Text, words(receipt.state));
    }
    page
}

pub fn settings(settings: &[SettingView]) -> Page {
    let mut page = Page::titled("settings");
    for setting in settings {
        page.row(&setting.name, Ink::Good, &setting.value);
        page.line(
            Ink::Dim,
            &format!("{} ({})", setting.about, setting.values.join(", ")),
        );
    }
    page.line(Ink::Text, "");
    page.line(Ink::Dim, "/set NAME VALUE changes one, on all your devices");
    page
}

pub fn losses(losses: &[LossView]) -> Page {
    let mut page = Page::titled("the server's copy");
    if losses.is_empty() {
        page.line(Ink::Good, "the server has all that this device has seen");
    }
    for loss in losses {
        page.head(&loss.conversation);
        page.row("events it lacks", Ink::Text, &loss.events.to_string());
        page.row(
            "of them yours",
            Ink::Text,
            &format!("{}; they are sent again", loss.own),
        );
        loss.undone
            .iter()
            .for_each(|undone| page.line(Ink::Warn, undone));
        let fix = if loss.done {
            "it goes on with the server's log"
        } else {
            "`subrosa restored --go-on` goes on with it"
        };
        page.line(Ink::Dim, fix);
    }
    page
}

pub fn evidence(evidence: &[EvidenceView]) -> Page {
    let mut page = Page::titled("evidence");
    if evidence.is_empty() {
        page.line(
            Ink::Good,
            "the server has told everybody the same, as far as is known here",
        );
    }
    for view in evidence {
        page.head(&view.about);
        view.sentences
            .iter()
            .for_each(|sentence| page.line(Ink::Alarm, sentence));
        let proof = if view.proven {
            "this proves it: `subrosa evidence` writes it into a file for others"
        } else {
            "no proof by itself"
        };
        page.line(Ink::Dim, proof);
    }
    page
}
