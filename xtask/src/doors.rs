//! Which crate of ours may depend on which. The server cannot open letters because its manifest cannot name `e2e`.

use crate::finding::Finding;
use crate::packages::{Edge, Member, Packages};
use crate::tree::Tree;

/// For each crate what it may link, and what its tests may use beyond that.
struct Room {
    name: &'static str,
    links: &'static [&'static str],
    tests_use: &'static [&'static str],
}

const ROOMS: &[Room] = &[
    Room {
        name: "subrosa-cipher",
        links: &[],
        tests_use: &[],
    },
    Room {
        name: "subrosa-login",
        links: &[],
        tests_use: &[],
    },
    Room {
        name: "subrosa-proto",
        links: &[],
        tests_use: &[],
    },
    Room {
        name: "subrosa-channel",
        links: &["subrosa-cipher"],
        tests_use: &[],
    },
    Room {
        name: "subrosa-ledger",
        links: &["subrosa-proto"],
        tests_use: &[],
    },
    Room {
        name: "subrosa-e2e",
        links: &["subrosa-proto", "subrosa-cipher", "subrosa-ledger"],
        tests_use: &[],
    },
    Room {
        name: "subrosa-server",
        links: &[
            "subrosa-proto",
            "subrosa-channel",
            "subrosa-login",
            "subrosa-ledger",
        ],
        tests_use: &[],
    },
    Room {
        name: "subrosa-client",
        links: &[
            "subrosa-proto",
            "subrosa-channel",
            "subrosa-login",
            "subrosa-ledger",
            "subrosa-e2e",
        ],
        tests_use: &["subrosa-server"],
    },
    Room {
        name: "subrosa-bench",
        links: &[
            "subrosa-client",
            "subrosa-server",
            "subrosa-proto",
            "subrosa-channel",
            "subrosa-login",
            "subrosa-ledger",
            "subrosa-e2e",
        ],
        tests_use: &[],
    },
    Room {
        name: "subrosa",
        links: &[
            "subrosa-client",
            "subrosa-server",
            "subrosa-proto",
            "subrosa-bench",
        ],
        tests_use: &[
            "subrosa-channel",
            "subrosa-login",
            "subrosa-ledger",
            "subrosa-e2e",
            "subrosa-cipher",
        ],
    },
    Room {
        name: "subrosa-adversary",
        links: &[],
        tests_use: &[
            "subrosa-client",
            "subrosa-server",
            "subrosa-proto",
            "subrosa-channel",
            "subrosa-login",
            "subrosa-ledger",
            "subrosa-e2e",
            "subrosa-cipher",
        ],
    },
    Room {
        name: "subrosa-counts",
        links: &[],
        tests_use: &[
            "subrosa-cipher",
            "subrosa-channel",
            "subrosa-proto",
            "subrosa-ledger",
        ],
    },
    Room {
        name: "xtask",
        links: &[],
        tests_use: &[],
    },
];

/// Pairs that must not meet at all, not even through a third crate.
const NEVER: &[(&str, &str, &str)] = &[
    (
        "subrosa-server",
        "subrosa-e2e",
        "the server must be unable to open letters",
    ),
    (
        "subrosa-server",
        "subrosa-client",
        "the server must hold nothing of the person's side",
    ),
    (
        "subrosa-client",
        "subrosa-server",
        "a client must not carry a server, tests aside",
    ),
];

pub fn check(packages: &Packages, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in &packages.members {
        let Some(room) = ROOMS.iter().find(|room| room.name == member.name) else {
            findings.push(Finding::new(
                member.manifest(),
                1,
                format!("no doors are drawn for {}", member.name),
                "dependencies between our crates point one way, as in ARCHITECTURE.md",
                "add it to ROOMS in xtask/src/doors.rs and to the crate map",
            ));
            continue;
        };
        findings.extend(edges(packages, member, room, tree));
        for (from, to, why) in NEVER {
            if member.name == *from && member.linked.contains(*to) {
                let line = line_of(tree, &member.manifest(), to);
                findings.push(Finding::new(
                    member.manifest(),
                    line,
                    format!("{from} reaches {to}"),
                    *why,
                    "cut the path between them",
                ));
            }
        }
    }
    findings
}

fn edges(packages: &Packages, member: &Member, room: &Room, tree: &Tree) -> Vec<Finding> {
    let ours = |name: &str| packages.members.iter().any(|other| other.name == name);
    let forbidden = member
        .declared
        .iter()
        .filter(|declared| ours(&declared.package))
        .filter(|declared| {
            let name = declared.package.as_str();
            let for_tests = declared.edge == Edge::Development && room.tests_use.contains(&name);
            !(room.links.contains(&name) || for_tests)
        });
    let finding = |declared: &crate::packages::Declared| {
        let (from, to) = (&member.name, &declared.package);
        let kind = if declared.edge == Edge::Development {
            "development edge"
        } else {
            "edge"
        };
        Finding::new(
            member.manifest(),
            line_of(tree, &member.manifest(), to),
            format!("{kind} from {from} to {to} is not among the doors"),
            "dependencies between our crates point one way, as in ARCHITECTURE.md",
            "remove it, or argue for the door in docs/decisions and open it in xtask/src/doors.rs",
        )
    };
    forbidden.map(finding).collect()
}

/// The line of a manifest that names a package.
pub fn line_of(tree: &Tree, manifest: &str, package: &str) -> usize {
    let names = |line: &str| {
        line.trim_start()
            .strip_prefix(package)
            .is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    };
    let text = tree.text(manifest).unwrap_or_default();
    text.lines().position(names).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::fixtures::member;
    use crate::tree::Text;

    fn house(members: Vec<Member>) -> Packages {
        Packages {
            members,
            ..Packages::default()
        }
    }

    fn whats(packages: &Packages) -> Vec<String> {
        check(packages, &Tree::default())
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn drawn_doors_are_open() {
        let packages = house(vec![
            member("subrosa-cipher", &[]),
            member(
                "subrosa-channel",
                &[("subrosa-cipher", Edge::Normal), ("snow", Edge::Normal)],
            ),
            member("subrosa-server", &[("subrosa-channel", Edge::Normal)]),
            member(
                "subrosa-client",
                &[
                    ("subrosa-channel", Edge::Normal),
                    ("subrosa-server", Edge::Development),
                ],
            ),
        ]);
        assert_eq!(whats(&packages), [""; 0]);
    }

    #[test]
    fn other_doors_are_shut() {
        let packages = house(vec![
            member("subrosa-e2e", &[("subrosa-channel", Edge::Normal)]),
            member("subrosa-channel", &[]),
            member("subrosa-server", &[("subrosa-e2e", Edge::Development)]),
            member("subrosa-client", &[("subrosa-server", Edge::Normal)]),
            member("subrosa-annex", &[]),
        ]);
        assert_eq!(
            whats(&packages),
            [
                "edge from subrosa-e2e to subrosa-channel is not among the doors",
                "development edge from subrosa-server to subrosa-e2e is not among the doors",
                "edge from subrosa-client to subrosa-server is not among the doors",
                "no doors are drawn for subrosa-annex",
            ]
        );
    }

    #[test]
    fn the_server_must_not_reach_e2e_through_a_third_crate() {
        let mut server = member("subrosa-server", &[]);
        server.linked.insert("subrosa-e2e".to_owned());
        assert_eq!(
            whats(&house(vec![server])),
            ["subrosa-server reaches subrosa-e2e"]
        );
    }

    #[test]
    fn a_finding_points_at_the_line_of_the_manifest() {
        let text =
            "[dependencies]\nsubrosa-proto-more.workspace = true\nsubrosa-proto.workspace = true\n"
                .to_owned();
        let tree = Tree::from_texts(vec![Text {
            path: "crates/login/Cargo.toml".to_owned(),
            text,
        }])
        .unwrap();
        let packages = house(vec![
            member("subrosa-login", &[("subrosa-proto", Edge::Normal)]),
            member("subrosa-proto", &[]),
        ]);
        assert_eq!(
            check(&packages, &tree).first().map(|finding| finding.line),
            Some(3)
        );
    }
}
