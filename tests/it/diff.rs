//! `distro diff`: what differs between locks, and what changelogs say of it.

use std::io::Write as _;
use std::process::Command;

use crate::archive::Package;
use crate::desk::{Desk, assert_refused};
use crate::renewal::{locked, provider, ssl, zlib};
use crate::run::Said;

const OPENSSL: &str = "\
openssl (3.5-3) trixie-security; urgency=high

  * CVE-2025-9230: out-of-bounds read
  * ```

 -- Somebody <somebody@example.org>  Sat, 27 Sep 2025 12:33:39 +0200

openssl (3.5-2) trixie; urgency=medium

  * CVE-2025-10000, CVE-2025-9230

 -- Somebody <somebody@example.org>  Sat, 27 Aug 2025 12:33:39 +0200

openssl (3.5-1) trixie; urgency=medium

  * CVE-2025-1111

 -- Somebody <somebody@example.org>  Sat, 27 Jul 2025 12:33:39 +0200
";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn with_changelog(package: Package, text: &str) -> Package {
    let path = format!("/usr/share/doc/{}/changelog.Debian.gz", package.name());
    package.file(&path, gzip(text))
}

/// A lock in git, and in the work tree a newer one: openssl has a changelog, zlib has none.
fn renewed() -> Desk {
    let mut desk = locked();
    git(&desk, &["init", "-q", "-b", "main"]);
    commit(&desk, "first");
    with_changelog(ssl("3.5-3"), OPENSSL).publish_to(&mut desk.archive, "trixie-security");
    let linked = provider("3.5-3").link("/usr/share/doc/openssl-provider", "libssl3t64");
    linked.publish_to(&mut desk.archive, "trixie-security");
    zlib("1.3-2").arch("amd64").publish(&mut desk.archive);
    Package::new("libnew", "1-1").archs(crate::desk::BOTH).publish(&mut desk.archive);
    desk.edit("images/base.toml", "\"zlib1g\"", "\"zlib1g\", \"libnew\"");
    desk.lock(&[]).success();
    desk
}

#[track_caller]
fn git(desk: &Desk, arguments: &[&str]) {
    let mut git = Command::new("git");
    desk.world.isolate(&mut git);
    let who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"];
    desk.world.finish(git.args(who).args(arguments)).success();
}

fn commit(desk: &Desk, message: &str) {
    git(desk, &["add", "images", "lock"]);
    git(desk, &["commit", "-q", "-m", message]);
}

fn diff(desk: &Desk, arguments: &[&str]) -> Said {
    desk.world.distro(&[&["diff", "--retries", "0", "--timeout", "1"], arguments].concat())
}

#[test]
fn the_work_tree_is_compared_with_the_last_commit() {
    let desk = renewed();
    diff(&desk, &[]).assert_is(
        r#"
status: 0
----- stdout -----
debian13: 3 upgraded, 1 added; 2 CVEs fixed, 1 changelog not at hand; 4 images affected

PACKAGE           OLD    NEW
libnew            -      1-1
libssl3t64        3.5-1  3.5-3
openssl-provider  3.5-1  3.5-3
zlib1g            1.3-1  1.3-2  amd64

SOURCE         FIXES
openssl 3.5-3  CVE-2025-9230 CVE-2025-10000
zlib 1.3-2     changelog not at hand

IMAGE          TAGS  DOWNLOAD  INSTALLED
base-debian13  all     +124 B       ±0 B
zip-debian13   all     +916 B   +1.0 KiB
----- stderr -----
"#,
    );
    commit(&desk, "second");
    diff(&desk, &[]).assert_is(
        r#"
status: 0
----- stdout -----
----- stderr -----
  Unchanged the locks pin the same packages for the same images
"#,
    );
}

#[test]
fn a_pull_request_gets_markdown() {
    diff(&renewed(), &["main", "--format", "markdown"]).assert_is(r#"
status: 0
----- stdout -----
### debian13

3 upgraded, 1 added; 2 CVEs fixed, 1 changelog not at hand; 4 images affected.

| source | packages | old | new | suite | fixes |
|---|---|---|---|---|---|
| libnew | `libnew` | - | `1-1` | trixie |  |
| openssl | `libssl3t64`, `openssl-provider` | `3.5-1` | `3.5-3` | trixie-security | [CVE-2025-9230](https://security-tracker.debian.org/tracker/CVE-2025-9230) [CVE-2025-10000](https://security-tracker.debian.org/tracker/CVE-2025-10000) |
| zlib | `zlib1g` (amd64) | `1.3-1` | `1.3-2` | trixie | *changelog not at hand* |

<details><summary>4 images affected</summary>

| image | tags | download | installed |
|---|---|--:|--:|
| base-debian13 | all | +124 B | ±0 B |
| zip-debian13 | all | +916 B | +1.0 KiB |

</details>

<details><summary>openssl: what changed since 3.5-1</summary>

````text
3.5-3
  * CVE-2025-9230: out-of-bounds read
  * ```

3.5-2
  * CVE-2025-10000, CVE-2025-9230
````

</details>

<details><summary>zlib: what changed since 1.3-1</summary>

The changelog is not at hand:

```text
`zlib1g` has no changelog
```

</details>
----- stderr -----
"#);
}

#[test]
fn programs_get_json() {
    diff(&renewed(), &["--format", "json"]).assert_is(
        r#"
status: 0
----- stdout -----
[
  {
    "release": "debian13",
    "packages": [
      {
        "package": "libnew",
        "source": "libnew",
        "change": "added",
        "versions": [
          {
            "change": "added",
            "old": null,
            "new": "1-1",
            "suite": "trixie",
            "architectures": [
              "amd64",
              "arm64"
            ]
          }
        ]
      },
      {
        "package": "libssl3t64",
        "source": "openssl",
        "change": "upgraded",
        "versions": [
          {
            "change": "upgraded",
            "old": "3.5-1",
            "new": "3.5-3",
            "suite": "trixie-security",
            "architectures": [
              "amd64",
              "arm64"
            ]
          }
        ]
      },
      {
        "package": "openssl-provider",
        "source": "openssl",
        "change": "upgraded",
        "versions": [
          {
            "change": "upgraded",
            "old": "3.5-1",
            "new": "3.5-3",
            "suite": "trixie-security",
            "architectures": [
              "amd64",
              "arm64"
            ]
          }
        ]
      },
      {
        "package": "zlib1g",
        "source": "zlib",
        "change": "upgraded",
        "versions": [
          {
            "change": "upgraded",
            "old": "1.3-1",
            "new": "1.3-2",
            "suite": "trixie",
            "architectures": [
              "amd64"
            ]
          }
        ]
      }
    ],
    "tarballs": [],
    "sources": [
      {
        "source": "openssl",
        "old": "3.5-1",
        "new": "3.5-3",
        "cves": [
          "CVE-2025-9230",
          "CVE-2025-10000"
        ]
      },
      {
        "source": "zlib",
        "old": "1.3-1",
        "new": "1.3-2",
        "cves": null,
        "not_at_hand": "`zlib1g` has no changelog"
      }
    ],
    "images": [
      {
        "image": "base-debian13",
        "tags": [
          "debug"
        ],
        "sizes": {
          "amd64": {
            "old": {
              "download": 3792,
              "installed": 4096
            },
            "new": {
              "download": 3916,
              "installed": 4096
            }
          },
          "arm64": {
            "old": {
              "download": 3788,
              "installed": 4096
            },
            "new": {
              "download": 3912,
              "installed": 4096
            }
          }
        }
      },
      {
        "image": "base-debian13",
        "tags": [
          "latest"
        ],
        "sizes": {
          "amd64": {
            "old": {
              "download": 2852,
              "installed": 3072
            },
            "new": {
              "download": 2976,
              "installed": 3072
            }
          },
          "arm64": {
            "old": {
              "download": 2852,
              "installed": 3072
            },
            "new": {
              "download": 2976,
              "installed": 3072
            }
          }
        }
      },
      {
        "image": "zip-debian13",
        "tags": [
          "debug"
        ],
        "sizes": {
          "amd64": {
            "old": {
              "download": 2816,
              "installed": 3072
            },
            "new": {
              "download": 3732,
              "installed": 4096
            }
          },
          "arm64": {
            "old": {
              "download": 2812,
              "installed": 3072
            },
            "new": {
              "download": 3728,
              "installed": 4096
            }
          }
        }
      },
      {
        "image": "zip-debian13",
        "tags": [
          "latest"
        ],
        "sizes": {
          "amd64": {
            "old": {
              "download": 1876,
              "installed": 2048
            },
            "new": {
              "download": 2792,
              "installed": 3072
            }
          },
          "arm64": {
            "old": {
              "download": 1876,
              "installed": 2048
            },
            "new": {
              "download": 2792,
              "installed": 3072
            }
          }
        }
      }
    ]
  }
]
----- stderr -----
"#,
    );
}

#[test]
fn revisions_directories_and_files_are_compared() {
    let desk = renewed();
    commit(&desk, "second");
    git(&desk, &["tag", "v2"]);
    let expected = diff(&desk, &["main~1", "v2"]).success();
    assert!(expected.stdout.starts_with("debian13: 3 upgraded, 1 added"), "{expected}");
    git(&desk, &["worktree", "add", "-q", "old", "main~1"]);
    assert_eq!(diff(&desk, &["old/lock", "lock"]), expected);
    assert_eq!(diff(&desk, &["old/lock/debian13.lock", "lock/debian13.lock"]), expected);
    assert_eq!(diff(&desk, &["old/lock", "lock/debian13.lock"]), expected);
}

#[test]
fn what_was_renewed_can_be_taken_back() {
    let desk = renewed();
    desk.world.write("empty/nothing", "");
    let said = diff(&desk, &["lock", "main"]).success();
    said.assert_is(
        r#"
status: 0
----- stdout -----
debian13: 3 downgraded, 1 removed; 4 images affected

PACKAGE           OLD    NEW
libnew            1-1    -
libssl3t64        3.5-3  3.5-1
openssl-provider  3.5-3  3.5-1
zlib1g            1.3-2  1.3-1  amd64

IMAGE          TAGS  DOWNLOAD  INSTALLED
base-debian13  all     -124 B       ±0 B
zip-debian13   all     -916 B   -1.0 KiB
----- stderr -----
"#,
    );
    let said = diff(&desk, &["empty", "main"]).success();
    assert!(said.stdout.starts_with("debian13: 5 added; 4 images affected\n"), "{said}");
}

#[test]
fn changelogs_that_are_not_at_hand_are_not_none() {
    let desk = renewed();
    std::fs::remove_dir_all(desk.world.path("store")).unwrap();
    desk.server.take_requests();
    diff(&desk, &["--offline", "--format", "json"]).assert_is(r#"
status: 0
----- stdout -----
[
  {
    "release": "debian13",
    "packages": [
      {
        "package": "libnew",
        "source": "libnew",
        "change": "added",
        "versions": [
          {
            "change": "added",
            "old": null,
            "new": "1-1",
            "suite": "trixie",
            "architectures": [
              "amd64",
              "arm64"
            ]
          }
        ]
      },
      {
        "package": "libssl3t64",
        "source": "openssl",
        "change": "upgraded",
        "versions": [
          {
            "change": "upgraded",
            "old": "3.5-1",
            "new": "3.5-3",
            "suite": "trixie-security",
            "architectures": [
              "amd64",
              "arm64"
            ]
          }
        ]
      },
      {
        "package": "openssl-provider",
        "source": "openssl",
        "change": "upgraded",
        "versions": [
          {
            "change": "upgraded",
            "old": "3.5-1",
            "new": "3.5-3",
            "suite": "trixie-security",
            "architectures": [
              "amd64",
              "arm64"
            ]
          }
        ]
      },
      {
        "package": "zlib1g",
        "source": "zlib",
        "change": "upgraded",
        "versions": [
          {
            "change": "upgraded",
            "old": "1.3-1",
            "new": "1.3-2",
            "suite": "trixie",
            "architectures": [
              "amd64"
            ]
          }
        ]
      }
    ],
    "tarballs": [],
    "sources": [
      {
        "source": "openssl",
        "old": "3.5-1",
        "new": "3.5-3",
        "cves": null,
        "not_at_hand": "`pool/main/o/openssl-provider/openssl-provider_3.5-3_amd64.deb` is not in the store, and servers are not asked when offline: run once without `--offline`, or name a mirror on disk that has it"
      },
      {
        "source": "zlib",
        "old": "1.3-1",
        "new": "1.3-2",
        "cves": null,
        "not_at_hand": "`pool/main/z/zlib1g/zlib1g_1.3-2_amd64.deb` is not in the store, and servers are not asked when offline: run once without `--offline`, or name a mirror on disk that has it"
      }
    ],
    "images": [
      {
        "image": "base-debian13",
        "tags": [
          "debug"
        ],
        "sizes": {
          "amd64": {
            "old": {
              "download": 3792,
              "installed": 4096
            },
            "new": {
              "download": 3916,
              "installed": 4096
            }
          },
          "arm64": {
            "old": {
              "download": 3788,
              "installed": 4096
            },
            "new": {
              "download": 3912,
              "installed": 4096
            }
          }
        }
      },
      {
        "image": "base-debian13",
        "tags": [
          "latest"
        ],
        "sizes": {
          "amd64": {
            "old": {
              "download": 2852,
              "installed": 3072
            },
            "new": {
              "download": 2976,
              "installed": 3072
            }
          },
          "arm64": {
            "old": {
              "download": 2852,
              "installed": 3072
            },
            "new": {
              "download": 2976,
              "installed": 3072
            }
          }
        }
      },
      {
        "image": "zip-debian13",
        "tags": [
          "debug"
        ],
        "sizes": {
          "amd64": {
            "old": {
              "download": 2816,
              "installed": 3072
            },
            "new": {
              "download": 3732,
              "installed": 4096
            }
          },
          "arm64": {
            "old": {
              "download": 2812,
              "installed": 3072
            },
            "new": {
              "download": 3728,
              "installed": 4096
            }
          }
        }
      },
      {
        "image": "zip-debian13",
        "tags": [
          "latest"
        ],
        "sizes": {
          "amd64": {
            "old": {
              "download": 1876,
              "installed": 2048
            },
            "new": {
              "download": 2792,
              "installed": 3072
            }
          },
          "arm64": {
            "old": {
              "download": 1876,
              "installed": 2048
            },
            "new": {
              "download": 2792,
              "installed": 3072
            }
          }
        }
      }
    ]
  }
]
----- stderr -----
"#);
    assert!(desk.server.take_requests().is_empty());
}

#[test]
fn what_is_no_state_of_locks_is_refused() {
    let desk = renewed();
    assert_refused(
        &diff(&desk, &["maim"]),
        r#"
error: `maim` is no lock file, no directory of locks, and no git revision
hint: `git log -- lock` shows the revisions that changed locks
"#,
    );
    assert_refused(
        &diff(&desk, &["--", "--output=x"]),
        r#"
error: `--output=x` is no lock file, no directory of locks, and no git revision
hint: `git log -- lock` shows the revisions that changed locks
"#,
    );
    assert_refused(
        &diff(&desk, &["images/base.toml"]),
        r#"
error: invalid type: map, expected a list
 --> images/base.toml:2:2
  |
2 | [image.base]
  |  ^^^^^
  |
  = hint: a list stands in brackets: `["one", "two"]`
"#,
    );
    git(&desk, &["checkout", "-q", "--orphan", "bad"]);
    desk.world.write("lock/debian13.lock", "version = 99\n");
    commit(&desk, "bad");
    assert_refused(
        &diff(&desk, &["main", "bad"]),
        r#"
error: the lock `bad:lock/debian13.lock` cannot be used
  it is of format 99, and this program reads formats up to 1: it was written by a newer `distro`
"#,
    );
    assert_refused(
        &diff(&locked(), &[]),
        r#"
error: `lock` is in no git repository
hint: name two lock files or directories: `distro diff OLD NEW`
"#,
    );
}

/// A catalog that accounts for scripts of zlib1g and libdaemon, and locks of which the newer has others.
fn rescripted() -> Desk {
    let daemon = |version: &str, remark: &str| {
        let script = format!("#!/bin/sh\n# {remark}\nset -e\nadduser daemon\n");
        Package::new("libdaemon", version).script("postinst", &script)
    };
    let zlib = |version: &str, script: &str| zlib(version).script("preinst", script);
    let mut desk = Desk::new();
    daemon("1", "as it was").archs(crate::desk::BOTH).publish(&mut desk.archive);
    zlib("1.3-2", "#!/bin/sh\nset -e\nexit 0\n").publish(&mut desk.archive);
    desk.edit("images/base.toml", "[\"libc6\"]", "[\"zlib1g\", \"libdaemon\"]");
    let account = "[[maintainer-script]]\npackages = [\"zlib1g\", \"libdaemon\"]\nreason = \"known\"\n";
    desk.edit("images/catalog.toml", "[branding]", &format!("{account}\n[branding]"));
    let mut desk = desk.locked();
    git(&desk, &["init", "-q", "-b", "main"]);
    commit(&desk, "first");
    daemon("2", "as it is").archs(crate::desk::BOTH).publish(&mut desk.archive);
    zlib("1.3-3", "#!/bin/sh\nset -e\nrm -rf /srv\n").publish(&mut desk.archive);
    desk.lock(&[]).success();
    desk
}

#[test]
fn scripts_that_are_accounted_for_and_have_changed_are_to_be_read_again() {
    let desk = rescripted();
    diff(&desk, &[]).assert_is(
        r#"
status: 0
----- stdout -----
debian13: 2 upgraded; 2 changelogs not at hand; 2 images affected

PACKAGE    OLD    NEW
libdaemon  1      2
zlib1g     1.3-2  1.3-3

SOURCE       FIXES
libdaemon 2  changelog not at hand
zlib 1.3-3   changelog not at hand

PACKAGE  SCRIPTS TO READ AGAIN
zlib1g   preinst

IMAGE          TAGS  DOWNLOAD  INSTALLED
base-debian13  all       +8 B       ±0 B
----- stderr -----
"#,
    );
    diff(&desk, &["--format", "markdown"]).assert_is(
        r#"
status: 0
----- stdout -----
### debian13

2 upgraded; 2 changelogs not at hand; 2 images affected.

| source | packages | old | new | suite | fixes |
|---|---|---|---|---|---|
| libdaemon | `libdaemon` | `1` | `2` | trixie | *changelog not at hand* |
| zlib | `zlib1g` | `1.3-2` | `1.3-3` | trixie | *changelog not at hand* |

Maintainer scripts that are accounted for have changed, and need to be read again:

- `zlib1g`: preinst

<details><summary>2 images affected</summary>

| image | tags | download | installed |
|---|---|--:|--:|
| base-debian13 | all | +8 B | ±0 B |

</details>

<details><summary>libdaemon: what changed since 1</summary>

The changelog is not at hand:

```text
`libdaemon` has no changelog
```

</details>

<details><summary>zlib: what changed since 1.3-2</summary>

The changelog is not at hand:

```text
`zlib1g` has no changelog
```

</details>
----- stderr -----
"#,
    );
    let said = diff(&desk, &["--format", "json"]).success();
    let differences: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let expected = serde_json::json!([{ "package": "zlib1g", "changed": ["preinst"] }]);
    assert_eq!(differences[0]["scripts"], expected);
}

#[test]
fn scripts_that_cannot_be_compared_are_not_the_same() {
    let desk = rescripted();
    let said = diff(&desk, &["--offline"]).success();
    assert!(said.stdout.contains("zlib1g     not at hand"), "{said}");
    let said = diff(&desk, &["--offline", "--format", "json"]).success();
    let differences: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let why = differences[0]["scripts"][0]["not_at_hand"].as_str().unwrap();
    assert!(why.contains("zlib1g") || why.contains("libdaemon"), "{why}");
}
