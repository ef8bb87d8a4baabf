//! Each cryptographic package has few homes: the crates that may link it, and in each of them one file that names
//! it. Whoever wants to replace or review a primitive then has one file to read.

use std::collections::BTreeMap;

use crate::doors::line_of;
use crate::finding::Finding;
use crate::packages::{Edge, Member, Packages};
use crate::source::{Role, Source};
use crate::tokens::path_roots;
use crate::tree::Tree;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// One file of the crate names the package.
    OneFile,
    /// Files below this folder of `src`, or the file of that name.
    Below(&'static str),
}

struct Home {
    package: &'static str,
    /// Crates that may link it, and where in them.
    crates: &'static [(&'static str, Extent)],
    why: &'static str,
}

const CIPHER: &str = "subrosa-cipher";
const CHANNEL: &str = "subrosa-channel";
const LOGIN: &str = "subrosa-login";
const LEDGER: &str = "subrosa-ledger";
const E2E: &str = "subrosa-e2e";
const SERVER: &str = "subrosa-server";
const CLIENT: &str = "subrosa-client";
const FACES: &str = "subrosa";
const BENCH: &str = "subrosa-bench";

use Extent::{Below, OneFile};

const HOMES: &[Home] = &[
    Home {
        package: "aes",
        crates: &[(CIPHER, OneFile)],
        why: "Seal is the one cipher of the product",
    },
    Home {
        package: "cbc",
        crates: &[(CIPHER, OneFile)],
        why: "Seal is the one cipher of the product",
    },
    Home {
        package: "hmac",
        crates: &[
            (CIPHER, OneFile),
            (CHANNEL, OneFile),
            (LOGIN, OneFile),
            (E2E, OneFile),
            (SERVER, OneFile),
            (CLIENT, OneFile),
        ],
        why: "outside Seal it is a keyed hash, wrapped once per crate with its labels",
    },
    Home {
        package: "sha2",
        crates: &[
            (CIPHER, OneFile),
            (CHANNEL, OneFile),
            (LOGIN, OneFile),
            (LEDGER, OneFile),
            (E2E, OneFile),
            (SERVER, OneFile),
            (CLIENT, OneFile),
        ],
        why: "hashing with labels and lengths is written once per crate",
    },
    Home {
        package: "hkdf",
        crates: &[
            (CIPHER, OneFile),
            (CHANNEL, OneFile),
            (LOGIN, OneFile),
            (E2E, OneFile),
            (SERVER, OneFile),
            (CLIENT, OneFile),
        ],
        why: "deriving keys with labels is written once per crate",
    },
    Home {
        package: "snow",
        crates: &[(CHANNEL, OneFile)],
        why: "its pitfalls are handled in one place",
    },
    Home {
        package: "ml-kem",
        crates: &[(CHANNEL, OneFile)],
        why: "unaudited, so it stays replaceable",
    },
    Home {
        package: "libcrux-ml-kem",
        crates: &[(CHANNEL, OneFile)],
        why: "unaudited, so it stays replaceable",
    },
    Home {
        package: "hpke",
        crates: &[(E2E, OneFile)],
        why: "X-Wing boxes are made and opened in one place",
    },
    Home {
        package: "ed25519-dalek",
        crates: &[(LEDGER, OneFile), (E2E, OneFile)],
        why: "verify_strict is the only way to verify",
    },
    Home {
        package: "x25519-dalek",
        crates: &[(CHANNEL, OneFile), (SERVER, OneFile)],
        why: "it only computes the server's public key",
    },
    Home {
        package: "opaque-ke",
        crates: &[(LOGIN, OneFile)],
        why: "one suite with constant parameters",
    },
    Home {
        package: "argon2",
        crates: &[(LOGIN, OneFile), (CLIENT, OneFile)],
        why: "its parameters are constants; the client has it for a home that a passphrase locks",
    },
    Home {
        package: "getrandom",
        crates: &[
            (SERVER, OneFile),
            (CLIENT, OneFile),
            (FACES, OneFile),
            (BENCH, OneFile),
        ],
        why: "randomness is an argument everywhere else",
    },
    Home {
        package: "aes-gcm",
        crates: &[],
        why: "a yardstick of benches",
    },
    Home {
        package: "ring",
        crates: &[],
        why: "a yardstick of benches",
    },
    Home {
        package: "rusqlite",
        crates: &[(SERVER, Below("storage")), (CLIENT, Below("store"))],
        why: "SQL stays behind the storage contracts",
    },
    Home {
        package: "tokio",
        crates: &[
            (CHANNEL, Below("io")),
            (SERVER, Below("")),
            (CLIENT, Below("")),
            (FACES, Below("")),
            (BENCH, Below("")),
        ],
        why: "cores are bytes in, bytes out",
    },
];

/// Old generations that `opaque-ke` speaks are imported under names of their own and belong to `login` alone.
const RENAMED: &[(&str, &str)] = &[("opaque_rand_core", LOGIN), ("opaque_sha2", LOGIN)];

pub fn check(packages: &Packages, tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in packages
        .members
        .iter()
        .filter(|member| member.name != "xtask")
    {
        for declared in member
            .declared
            .iter()
            .filter(|declared| declared.edge == Edge::Normal)
        {
            if let Some((name, home)) = RENAMED
                .iter()
                .find(|(name, _)| *name == declared.imported_as)
            {
                if member.name != *home {
                    findings.push(stranger(
                        member,
                        tree,
                        name,
                        "the old generation of traits is opaque-ke's alone",
                    ));
                }
                findings.extend(files(
                    member,
                    tree,
                    name,
                    OneFile,
                    "the old generation of traits stays in one file",
                ));
                continue;
            }
            let Some(home) = HOMES.iter().find(|home| home.package == declared.package) else {
                continue;
            };
            match home.crates.iter().find(|(name, _)| *name == member.name) {
                None => findings.push(stranger(member, tree, home.package, home.why)),
                Some((_, extent)) => findings.extend(files(
                    member,
                    tree,
                    &declared.imported_as,
                    *extent,
                    home.why,
                )),
            }
        }
    }
    findings
}

fn stranger(member: &Member, tree: &Tree, package: &str, why: &str) -> Finding {
    let manifest = member.manifest();
    let line = line_of(tree, &manifest, package);
    let what = format!("{} links {package}, which has no home there", member.name);
    Finding::new(
        manifest,
        line,
        what,
        why,
        "use the crate of ours that wraps it, or make it a dev-dependency",
    )
}

fn files(member: &Member, tree: &Tree, name: &str, extent: Extent, why: &str) -> Vec<Finding> {
    let folder = format!("{}/src", member.folder);
    let product = tree
        .sources_below(&folder)
        .filter(|source| source.role == Role::Product);
    let mut naming: BTreeMap<&str, usize> = BTreeMap::new();
    for source in product {
        if let Some(line) = first_naming(source, name) {
            naming.insert(&source.path, line);
        }
    }
    if naming.is_empty() {
        let manifest = member.manifest();
        let line = line_of(tree, &manifest, &name.replace('_', "-"));
        let what = format!("{} links {name} and no file of it names it", member.name);
        return vec![Finding::new(
            manifest,
            line,
            what,
            "what is not used need not be trusted",
            "remove the dependency",
        )];
    }
    match extent {
        OneFile if naming.len() > 1 => {
            let all: Vec<&str> = naming.keys().copied().collect();
            let (path, line) = naming
                .first_key_value()
                .map_or((folder.as_str(), 1), |(path, line)| (*path, *line));
            let what = format!("{name} is named in {} files: {}", all.len(), all.join(", "));
            vec![Finding::new(
                path,
                line,
                what,
                why,
                "wrap it in one file and call that",
            )]
        }
        OneFile => Vec::new(),
        Below(place) => {
            let inside = |path: &str| {
                let rest = path
                    .strip_prefix(&folder)
                    .unwrap_or(path)
                    .trim_start_matches('/');
                rest.strip_prefix(place)
                    .is_some_and(|rest| place.is_empty() || rest == ".rs" || rest.starts_with('/'))
            };
            let outside = naming.into_iter().filter(|(path, _)| !inside(path));
            let finding = |(path, line): (&str, usize)| {
                Finding::new(
                    path,
                    line,
                    format!("{name} is named outside src/{place}"),
                    why,
                    format!("move this below src/{place}"),
                )
            };
            outside.map(finding).collect()
        }
    }
}

fn first_naming(source: &Source, name: &str) -> Option<usize> {
    path_roots(&source.product_tokens(), name)
        .into_iter()
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::fixtures::member;
    use crate::tree::Text;

    fn whats(member: Member, files: &[(&str, &str)]) -> Vec<String> {
        let texts = files.iter().map(|(path, text)| Text {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        });
        let tree = Tree::from_texts(texts.collect()).unwrap();
        let packages = Packages {
            members: vec![member],
            ..Packages::default()
        };
        check(&packages, &tree)
            .into_iter()
            .map(|finding| finding.what)
            .collect()
    }

    #[test]
    fn one_file_and_its_tests_may_name_a_primitive() {
        let cipher = member(CIPHER, &[("aes", Edge::Normal)]);
        let files = [
            ("crates/cipher/src/seal.rs", "use aes::Aes256;"),
            (
                "crates/cipher/src/lib.rs",
                "#[cfg(test)] mod tests { use aes::Aes256; }",
            ),
            ("crates/cipher/tests/naive.rs", "use aes::Aes256;"),
        ];
        assert_eq!(whats(cipher, &files), [""; 0]);
    }

    #[test]
    fn a_second_file_is_refused() {
        let cipher = member(CIPHER, &[("aes", Edge::Normal)]);
        let files = [
            ("crates/cipher/src/a.rs", "use aes::Aes256;"),
            ("crates/cipher/src/b.rs", "fn f() { aes::x() }"),
        ];
        assert_eq!(
            whats(cipher, &files),
            ["aes is named in 2 files: crates/cipher/src/a.rs, crates/cipher/src/b.rs"]
        );
    }

    #[test]
    fn a_crate_without_a_home_for_it_is_refused_but_its_tests_are_not() {
        let channel = member(CHANNEL, &[("aes", Edge::Normal)]);
        assert_eq!(
            whats(channel, &[]),
            ["subrosa-channel links aes, which has no home there"]
        );
        let channel = member(CHANNEL, &[("aes", Edge::Development)]);
        assert_eq!(whats(channel, &[]), [""; 0]);
    }

    #[test]
    fn a_dependency_that_nothing_names_is_refused() {
        let e2e = member(E2E, &[("hpke", Edge::Normal)]);
        let found = whats(e2e, &[("crates/e2e/src/lib.rs", "// hpke::seal")]);
        assert_eq!(found, ["subrosa-e2e links hpke and no file of it names it"]);
    }

    #[test]
    fn a_folder_holds_what_belongs_in_it() {
        let server = || member(SERVER, &[("rusqlite", Edge::Normal)]);
        let inside = [(
            "crates/server/src/storage/sqlite/writer.rs",
            "use rusqlite::Connection;",
        )];
        assert_eq!(whats(server(), &inside), [""; 0]);
        let outside = [(
            "crates/server/src/storage_more.rs",
            "use rusqlite::Connection;",
        )];
        assert_eq!(
            whats(server(), &outside),
            ["rusqlite is named outside src/storage"]
        );
    }

    #[test]
    fn the_old_generation_belongs_to_login() {
        let mut e2e = member(E2E, &[("sha2", Edge::Normal)]);
        if let Some(declared) = e2e.declared.first_mut() {
            declared.imported_as = "opaque_sha2".to_owned();
        }
        let found = whats(
            e2e,
            &[("crates/e2e/src/lib.rs", "use opaque_sha2::Sha512;")],
        );
        assert_eq!(
            found,
            ["subrosa-e2e links opaque_sha2, which has no home there"]
        );
    }
}
