//! Which published methods (docs/spec/rpc.md) each verb speaks: for the man pages, and so that no method lacks a verb
//! and no verb that speaks to an account lacks a method.

/// Verbs that speak to an account, each with its methods; every one of them may ask `status` beside.
const SPEAKING: &[(&str, &[&str])] = &[
    ("accept", &["accept"]),
    ("address", &["status"]),
    ("block", &["block"]),
    ("bot", &["bot.new", "bot.list", "bot.end", "drain"]),
    (
        "chat",
        &[
            "conversations",
            "subscribe",
            "read",
            "send",
            "act_on",
            "mark_read",
            "typing",
            "drain",
            "invite",
        ],
    ),
    ("devices", &["devices", "rename_device", "own_chain"]),
    ("doctor", &["upkeep.health"]),
    ("evidence", &["evidence"]),
    (
        "export",
        &["upkeep.sign_export", "history", "conversations", "read"],
    ),
    ("invite", &["invite", "room.invite"]),
    ("join", &["status", "history"]),
    ("lock", &["lock"]),
    ("login", &["history"]),
    ("logout", &["logout"]),
    ("mute", &["mute"]),
    (
        "on",
        &[
            "consumer.open",
            "consumer.pending",
            "consumer.done",
            "consumer.list",
            "consumer.forget",
            "subscribe",
            "history",
        ],
    ),
    ("passwd", &["tell_password_changed"]),
    ("read", &["read", "cursor_at", "conversations", "mark_read"]),
    ("receipts", &["receipts"]),
    ("recover", &["tell_password_changed", "history"]),
    ("refuse", &["refuse"]),
    ("restored", &["restored"]),
    (
        "room",
        &[
            "room.create",
            "room.list",
            "room.show",
            "room.add",
            "room.remove",
            "room.role",
            "room.leave",
            "room.close",
            "room.title",
            "room.policy",
            "room.rename",
        ],
    ),
    ("search", &["search", "around"]),
    ("send", &["send", "act_on"]),
    ("settings", &["settings", "set"]),
    ("storage", &["upkeep.storage"]),
    ("tail", &["subscribe", "cursor_at"]),
    ("timer", &["set_timer"]),
    ("trust", &["trust", "decide_name", "accept_merge"]),
    ("typing", &["typing"]),
    ("unblock", &["block"]),
    ("unlock", &["unlock"]),
    ("unmute", &["mute"]),
    ("up", &["status", "invite"]),
    ("verify", &["verify"]),
    ("why", &["upkeep.why"]),
];

/// The methods of a verb; none where it speaks to no account, or passes on whatever it is told.
pub fn of(verb: &str) -> &'static [&'static str] {
    let known = SPEAKING.iter().find(|(name, _)| *name == verb);
    known.map_or(&[], |(_, methods)| methods)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use subrosa_client::rpc;

    /// Verbs that speak to no account: to a server's folder, to nobody, or for other programs.
    const SILENT: &[&str] = &[
        "admin",
        "agent",
        "bench",
        "completions",
        "demo",
        "manual",
        "serve",
        "server-view",
    ];
    /// Methods that no verb of the command line speaks.
    const FOR_PROGRAMS: &[&str] = &["contacts"];

    #[test]
    fn each_verb_has_its_methods_and_each_method_its_verb() {
        let methods: BTreeSet<&str> = rpc::methods()
            .iter()
            .map(|method| method.name.as_str())
            .collect();
        let spoken: BTreeSet<&str> = SPEAKING
            .iter()
            .flat_map(|(_, methods)| *methods)
            .copied()
            .collect();
        let unknown: Vec<_> = spoken.difference(&methods).collect();
        assert!(unknown.is_empty(), "no such methods: {unknown:?}");
        let programs: BTreeSet<&str> = FOR_PROGRAMS.iter().copied().collect();
        let unspoken: BTreeSet<&str> = methods.difference(&spoken).copied().collect();
        assert_eq!(unspoken, programs, "methods that no verb speaks");

        let mut verbs: BTreeSet<&str> = SPEAKING.iter().map(|(verb, _)| *verb).collect();
        verbs.extend(SILENT);
        let command = crate::cli::command();
        let there: BTreeSet<&str> = command
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        assert_eq!(there, verbs);
    }
}
