//! What `distro sbom` says of images, in each format.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use tar::EntryType;

use crate::archive::{Compression, Member, Package, tar};
use crate::desk::{assert_refused, assert_same, without_digests};
use crate::layout::sha256;
use crate::workshop::{Workshop, libc6};

const COPYRIGHT: &str = "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Source: https://tool.example/

Files: *
Copyright: 2020-2026 Tool Makers
License: GPL-2+ or Apache-2.0
";

/// What an SBOM in SPDX 3.0.1 of [`shop`] is made of.
const ELEMENTS: &str = r#""https://example.org/spdx/one-debian13/latest-amd64/…#Tool",
        "https://example.org/spdx/one-debian13/latest-amd64/…#Image",
        "https://example.org/spdx/one-debian13/latest-amd64/…#License-c7a1a20ac4d3",
        "https://example.org/spdx/one-debian13/latest-amd64/…#hasConcludedLicense-Image",
        "https://example.org/spdx/one-debian13/latest-amd64/…#hasDeclaredLicense-Image",
        "https://example.org/spdx/one-debian13/latest-amd64/…#Manifest",
        "https://example.org/spdx/one-debian13/latest-amd64/…#hasDistributionArtifact-Image",
        "https://example.org/spdx/one-debian13/latest-amd64/…#Binary-tool",
        "https://example.org/spdx/one-debian13/latest-amd64/…#hasConcludedLicense-Binary-tool",
        "https://example.org/spdx/one-debian13/latest-amd64/…#hasDeclaredLicense-Binary-tool",
        "https://example.org/spdx/one-debian13/latest-amd64/…#Archive-tool",
        "https://example.org/spdx/one-debian13/latest-amd64/…#hasDistributionArtifact-Binary-tool",
        "https://example.org/spdx/one-debian13/latest-amd64/…#Filter-Binary-tool-1",
        "https://example.org/spdx/one-debian13/latest-amd64/…#contains-Image",
        "https://example.org/spdx/one-debian13/latest-amd64/…#Source-tool-src-1%3A2.0-1",
        "https://example.org/spdx/one-debian13/latest-amd64/…#hasDeclaredLicense-Source-tool-src-1%253A2.0-1",
        "https://example.org/spdx/one-debian13/latest-amd64/…#generates-Source-tool-src-1%253A2.0-1",
        "https://example.org/spdx/one-debian13/latest-amd64/…#Agent-2dabe7663183",
        "https://example.org/spdx/one-debian13/latest-amd64/…#Agent-29f7588bdeff",
        "https://example.org/spdx/one-debian13/latest-amd64/…#License-6e237c55b058""#;

/// An image of one package, which has a manual and wants another package.
fn shop() -> Workshop {
    let tool = Package::new("tool", "1:2.0-1+b1")
        .source("tool-src (1:2.0-1)")
        .depends("debconf")
        .file("/usr/bin/tool", "runs")
        .file("/usr/share/man/man1/tool.1.gz", "a manual")
        .without_copyright()
        .file("/usr/share/doc/tool/copyright", COPYRIGHT);
    let shop = Workshop::of_one_image([tool]);
    shop.append("one.toml", "[image.one.leave-out]\ndebconf = \"nothing of a package is run\"\n");
    shop.lock();
    shop
}

fn document(shop: &Workshop, arguments: &[&str]) -> String {
    let said = shop.world.distro(&[&["sbom", "one", "--arch", "amd64"], arguments].concat()).success();
    assert_eq!(said.stderr, "");
    without_digests(&said.stdout)
}

#[test]
fn spdx_2_3_tells_packages_sources_files_and_what_was_left_out() {
    assert_same(
        &document(&shop(), &["--files"]),
        r#"
{
  "spdxVersion": "SPDX-2.3",
  "SPDXID": "SPDXRef-DOCUMENT",
  "dataLicense": "CC0-1.0",
  "name": "one-debian13:latest (linux/amd64)",
  "documentNamespace": "https://example.org/spdx/one-debian13/latest-amd64/…",
  "creationInfo": {
    "created": "2025-06-15T15:06:40Z",
    "creators": [
      "Organization: Fake Platform Team (platform@example.org)",
      "Tool: distro-0.1.0"
    ],
    "comment": "SBOM Type: Build"
  },
  "packages": [
    {
      "SPDXID": "SPDXRef-Image",
      "name": "one-debian13",
      "versionInfo": "sha256:…",
      "primaryPackagePurpose": "CONTAINER",
      "supplier": "Organization: Fake Platform Team (platform@example.org)",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": false,
      "checksums": [
        {
          "algorithm": "SHA256",
          "checksumValue": "…"
        },
        {
          "algorithm": "SHA512",
          "checksumValue": "5b746924c078eb54f8502940514d6bd7b346d14a03e1772176b6288cc60b35a22ecc7c80c29f5c2fd63958a3abc2aba7f34f018229ba112fbfe21529d2500d4a"
        }
      ],
      "licenseConcluded": "Apache-2.0 OR GPL-2.0-or-later",
      "licenseDeclared": "Apache-2.0 OR GPL-2.0-or-later",
      "copyrightText": "NOASSERTION",
      "externalRefs": [
        {
          "referenceCategory": "PACKAGE-MANAGER",
          "referenceType": "purl",
          "referenceLocator": "pkg:oci/one-debian13@sha256%3Aab205930cf5fb16e8451665229e0a5b284b6cdc27b2ebea717d46fc7a5665ea0?arch=amd64&tag=latest"
        }
      ]
    },
    {
      "SPDXID": "SPDXRef-OperatingSystem-debian",
      "name": "debian",
      "versionInfo": "13",
      "primaryPackagePurpose": "OPERATING_SYSTEM",
      "supplier": "Organization: Debian (debian-devel@lists.debian.org)",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": true,
      "packageVerificationCode": {
        "packageVerificationCodeValue": "05ca8ade1a24da2f444fce126d3cc655363bf80e"
      },
      "licenseConcluded": "NOASSERTION",
      "licenseDeclared": "NOASSERTION",
      "copyrightText": "NOASSERTION",
      "homepage": "https://www.debian.org/"
    },
    {
      "SPDXID": "SPDXRef-Binary-tool",
      "name": "tool",
      "versionInfo": "1:2.0-1+b1",
      "primaryPackagePurpose": "LIBRARY",
      "supplier": "Person: Fake Maintainers (fake@example.org)",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": true,
      "packageVerificationCode": {
        "packageVerificationCodeValue": "05ca8ade1a24da2f444fce126d3cc655363bf80e"
      },
      "packageFileName": "tool_2.0-1+b1_amd64.deb",
      "checksums": [
        {
          "algorithm": "SHA256",
          "checksumValue": "…"
        },
        {
          "algorithm": "SHA512",
          "checksumValue": "0f5dc4004d41d50f2e37227219d0bfb5d4f0dfc98b1772905f9e9b27b4c8f77c0f69f4b950a66a8e112acfc068844d987aedf13f0424ce5cf9c14677571b72f8"
        }
      ],
      "licenseConcluded": "Apache-2.0 OR GPL-2.0-or-later",
      "licenseDeclared": "Apache-2.0 OR GPL-2.0-or-later",
      "copyrightText": "2020-2026 Tool Makers",
      "summary": "package of a test",
      "sourceInfo": "built package from: tool-src 1:2.0-1",
      "externalRefs": [
        {
          "referenceCategory": "PACKAGE-MANAGER",
          "referenceType": "purl",
          "referenceLocator": "pkg:deb/debian/tool@1%3A2.0-1%2Bb1?arch=amd64&distro=debian-13&upstream=tool-src%401%3A2.0-1"
        }
      ],
      "annotations": [
        {
          "annotationDate": "2025-06-15T15:06:40Z",
          "annotationType": "OTHER",
          "annotator": "Tool: distro-0.1.0",
          "comment": "left out: 1 files, 8 bytes, by the filter `/usr/share/man/**`: documentation"
        }
      ],
      "hasFiles": [
        "SPDXRef-Content-8c2d72a5cb57e2c77993569c76ca77f15ba617b2",
        "SPDXRef-Content-a2669eb920b1ea4b8cc1d08693832686dec2645c",
        "SPDXRef-Content-5f68677424ae7a123cef3644ef32a449432104c0",
        "SPDXRef-Content-af64db83c14f22c4e663a22a6c226d4292f7bb91"
      ]
    },
    {
      "SPDXID": "SPDXRef-Generated-usr-merge",
      "name": "step usr-merge",
      "versionInfo": "sha256:…",
      "primaryPackagePurpose": "OTHER",
      "supplier": "Organization: Fake Platform Team (platform@example.org)",
      "downloadLocation": "NONE",
      "filesAnalyzed": true,
      "packageVerificationCode": {
        "packageVerificationCodeValue": "da39a3ee5e6b4b0d3255bfef95601890afd80709"
      },
      "checksums": [
        {
          "algorithm": "SHA256",
          "checksumValue": "…"
        }
      ],
      "licenseConcluded": "NOASSERTION",
      "licenseDeclared": "NOASSERTION",
      "copyrightText": "NOASSERTION",
      "comment": "generated by distro in its step `usr-merge`; the checksum is of the layer's tar"
    },
    {
      "SPDXID": "SPDXRef-Source-tool-src-1.colon.2.0-1",
      "name": "tool-src",
      "versionInfo": "1:2.0-1",
      "primaryPackagePurpose": "SOURCE",
      "supplier": "Person: Fake Maintainers (fake@example.org)",
      "downloadLocation": "NOASSERTION",
      "filesAnalyzed": false,
      "packageFileName": "tool-src_2.0-1.dsc",
      "checksums": [
        {
          "algorithm": "SHA256",
          "checksumValue": "…"
        }
      ],
      "licenseConcluded": "NOASSERTION",
      "licenseDeclared": "Apache-2.0 OR GPL-2.0-or-later",
      "copyrightText": "NOASSERTION"
    }
  ],
  "files": [
    {
      "SPDXID": "SPDXRef-Content-8c2d72a5cb57e2c77993569c76ca77f15ba617b2",
      "fileName": "./usr/bin/tool",
      "checksums": [
        {
          "algorithm": "SHA1",
          "checksumValue": "71b3f0bbe7d5671e0f5a6fa55107670cc7ac87a1"
        },
        {
          "algorithm": "SHA256",
          "checksumValue": "…"
        }
      ],
      "licenseConcluded": "NOASSERTION",
      "copyrightText": "NOASSERTION"
    },
    {
      "SPDXID": "SPDXRef-Content-a2669eb920b1ea4b8cc1d08693832686dec2645c",
      "fileName": "./usr/share/doc/tool/copyright",
      "checksums": [
        {
          "algorithm": "SHA1",
          "checksumValue": "e1d8d051f1a1e0b9a1ccdd3a2016befebbe5bf43"
        },
        {
          "algorithm": "SHA256",
          "checksumValue": "…"
        }
      ],
      "licenseConcluded": "NOASSERTION",
      "copyrightText": "NOASSERTION"
    },
    {
      "SPDXID": "SPDXRef-Content-5f68677424ae7a123cef3644ef32a449432104c0",
      "fileName": "./var/lib/dpkg/status.d/tool",
      "checksums": [
        {
          "algorithm": "SHA1",
          "checksumValue": "a83d8cece5544909c1756e0a7d397e9378d2c9d8"
        },
        {
          "algorithm": "SHA256",
          "checksumValue": "…"
        }
      ],
      "licenseConcluded": "NOASSERTION",
      "copyrightText": "NOASSERTION"
    },
    {
      "SPDXID": "SPDXRef-Content-af64db83c14f22c4e663a22a6c226d4292f7bb91",
      "fileName": "./var/lib/dpkg/status.d/tool.md5sums",
      "checksums": [
        {
          "algorithm": "SHA1",
          "checksumValue": "686c2c67fbae8350303f67f18b240fcfe71e2d5d"
        },
        {
          "algorithm": "SHA256",
          "checksumValue": "…"
        }
      ],
      "licenseConcluded": "NOASSERTION",
      "copyrightText": "NOASSERTION"
    }
  ],
  "relationships": [
    {
      "spdxElementId": "SPDXRef-DOCUMENT",
      "relationshipType": "DESCRIBES",
      "relatedSpdxElement": "SPDXRef-Image"
    },
    {
      "spdxElementId": "SPDXRef-Image",
      "relationshipType": "CONTAINS",
      "relatedSpdxElement": "SPDXRef-OperatingSystem-debian"
    },
    {
      "spdxElementId": "SPDXRef-OperatingSystem-debian",
      "relationshipType": "CONTAINS",
      "relatedSpdxElement": "SPDXRef-Binary-tool",
      "comment": "depends on debconf, which is left out of the image on purpose: nothing of a package is run"
    },
    {
      "spdxElementId": "SPDXRef-Binary-tool",
      "relationshipType": "GENERATED_FROM",
      "relatedSpdxElement": "SPDXRef-Source-tool-src-1.colon.2.0-1"
    },
    {
      "spdxElementId": "SPDXRef-Image",
      "relationshipType": "CONTAINS",
      "relatedSpdxElement": "SPDXRef-Generated-usr-merge"
    }
  ]
}
"#,
    );
}

#[test]
fn spdx_3_0_tells_the_same_as_a_graph() {
    assert_same(
        &document(&shop(), &["--format", "spdx-3.0"]),
        &r#"
{
  "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
  "@graph": [
    {
      "creationInfo": "_:creation",
      "name": "distro 0.1.0",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#Tool",
      "type": "Tool"
    },
    {
      "@id": "_:creation",
      "created": "2025-06-15T15:06:40Z",
      "createdBy": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#Agent-2dabe7663183"
      ],
      "createdUsing": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#Tool"
      ],
      "specVersion": "3.0.1",
      "type": "CreationInfo"
    },
    {
      "creationInfo": "_:creation",
      "externalIdentifier": [
        {
          "externalIdentifierType": "packageUrl",
          "identifier": "pkg:oci/one-debian13@sha256%3Aab205930cf5fb16e8451665229e0a5b284b6cdc27b2ebea717d46fc7a5665ea0?arch=amd64&tag=latest",
          "type": "ExternalIdentifier"
        }
      ],
      "name": "one-debian13",
      "originatedBy": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#Agent-2dabe7663183"
      ],
      "software_copyrightText": "of each part, what the part says",
      "software_packageUrl": "pkg:oci/one-debian13@sha256%3Aab205930cf5fb16e8451665229e0a5b284b6cdc27b2ebea717d46fc7a5665ea0?arch=amd64&tag=latest",
      "software_packageVersion": "sha256:…",
      "software_primaryPurpose": "container",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#Image",
      "suppliedBy": "https://example.org/spdx/one-debian13/latest-amd64/…#Agent-2dabe7663183",
      "type": "software_Package",
      "verifiedUsing": [
        {
          "algorithm": "sha256",
          "hashValue": "…",
          "type": "Hash"
        }
      ]
    },
    {
      "creationInfo": "_:creation",
      "simplelicensing_licenseExpression": "Apache-2.0 OR GPL-2.0-or-later",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#License-c7a1a20ac4d3",
      "type": "simplelicensing_LicenseExpression"
    },
    {
      "creationInfo": "_:creation",
      "from": "https://example.org/spdx/one-debian13/latest-amd64/…#Image",
      "relationshipType": "hasConcludedLicense",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#hasConcludedLicense-Image",
      "to": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#License-c7a1a20ac4d3"
      ],
      "type": "Relationship"
    },
    {
      "creationInfo": "_:creation",
      "from": "https://example.org/spdx/one-debian13/latest-amd64/…#Image",
      "relationshipType": "hasDeclaredLicense",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#hasDeclaredLicense-Image",
      "to": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#License-c7a1a20ac4d3"
      ],
      "type": "Relationship"
    },
    {
      "creationInfo": "_:creation",
      "name": "blobs/sha256/…",
      "software_additionalPurpose": [
        "archive",
        "container"
      ],
      "software_primaryPurpose": "archive",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#Manifest",
      "type": "software_File",
      "verifiedUsing": [
        {
          "algorithm": "sha512",
          "hashValue": "5b746924c078eb54f8502940514d6bd7b346d14a03e1772176b6288cc60b35a22ecc7c80c29f5c2fd63958a3abc2aba7f34f018229ba112fbfe21529d2500d4a",
          "type": "Hash"
        },
        {
          "algorithm": "sha256",
          "hashValue": "…",
          "type": "Hash"
        }
      ]
    },
    {
      "creationInfo": "_:creation",
      "from": "https://example.org/spdx/one-debian13/latest-amd64/…#Image",
      "relationshipType": "hasDistributionArtifact",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#hasDistributionArtifact-Image",
      "to": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#Manifest"
      ],
      "type": "Relationship"
    },
    {
      "comment": "depends on debconf, which is left out of the image on purpose: nothing of a package is run",
      "creationInfo": "_:creation",
      "externalIdentifier": [
        {
          "externalIdentifierType": "packageUrl",
          "identifier": "pkg:deb/debian/tool@1%3A2.0-1%2Bb1?arch=amd64&distro=debian-13&upstream=tool-src%401%3A2.0-1",
          "type": "ExternalIdentifier"
        }
      ],
      "name": "tool",
      "originatedBy": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#Agent-29f7588bdeff"
      ],
      "software_copyrightText": "2020-2026 Tool Makers",
      "software_packageUrl": "pkg:deb/debian/tool@1%3A2.0-1%2Bb1?arch=amd64&distro=debian-13&upstream=tool-src%401%3A2.0-1",
      "software_packageVersion": "1:2.0-1+b1",
      "software_primaryPurpose": "install",
      "software_sourceInfo": "built package from: tool-src 1:2.0-1",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#Binary-tool",
      "summary": "package of a test",
      "suppliedBy": "https://example.org/spdx/one-debian13/latest-amd64/…#Agent-29f7588bdeff",
      "type": "software_Package",
      "verifiedUsing": [
        {
          "algorithm": "sha1",
          "hashValue": "05ca8ade1a24da2f444fce126d3cc655363bf80e",
          "type": "PackageVerificationCode"
        }
      ]
    },
    {
      "creationInfo": "_:creation",
      "from": "https://example.org/spdx/one-debian13/latest-amd64/…#Binary-tool",
      "relationshipType": "hasConcludedLicense",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#hasConcludedLicense-Binary-tool",
      "to": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#License-c7a1a20ac4d3"
      ],
      "type": "Relationship"
    },
    {
      "creationInfo": "_:creation",
      "from": "https://example.org/spdx/one-debian13/latest-amd64/…#Binary-tool",
      "relationshipType": "hasDeclaredLicense",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#hasDeclaredLicense-Binary-tool",
      "to": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#License-c7a1a20ac4d3"
      ],
      "type": "Relationship"
    },
    {
      "creationInfo": "_:creation",
      "name": "tool_2.0-1+b1_amd64.deb",
      "software_additionalPurpose": [
        "archive",
        "container"
      ],
      "software_primaryPurpose": "archive",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#Archive-tool",
      "type": "software_File",
      "verifiedUsing": [
        {
          "algorithm": "sha512",
          "hashValue": "0f5dc4004d41d50f2e37227219d0bfb5d4f0dfc98b1772905f9e9b27b4c8f77c0f69f4b950a66a8e112acfc068844d987aedf13f0424ce5cf9c14677571b72f8",
          "type": "Hash"
        },
        {
          "algorithm": "sha256",
          "hashValue": "…",
          "type": "Hash"
        }
      ]
    },
    {
      "creationInfo": "_:creation",
      "from": "https://example.org/spdx/one-debian13/latest-amd64/…#Binary-tool",
      "relationshipType": "hasDistributionArtifact",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#hasDistributionArtifact-Binary-tool",
      "to": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#Archive-tool"
      ],
      "type": "Relationship"
    },
    {
      "annotationType": "other",
      "creationInfo": "_:creation",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#Filter-Binary-tool-1",
      "statement": "left out: 1 files, 8 bytes, by the filter `/usr/share/man/**`: documentation",
      "subject": "https://example.org/spdx/one-debian13/latest-amd64/…#Binary-tool",
      "type": "Annotation"
    },
    {
      "completeness": "complete",
      "creationInfo": "_:creation",
      "from": "https://example.org/spdx/one-debian13/latest-amd64/…#Image",
      "relationshipType": "contains",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#contains-Image",
      "to": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#Binary-tool"
      ],
      "type": "Relationship"
    },
    {
      "creationInfo": "_:creation",
      "name": "tool-src_2.0-1.dsc",
      "originatedBy": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#Agent-29f7588bdeff"
      ],
      "software_primaryPurpose": "source",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#Source-tool-src-1%3A2.0-1",
      "summary": "source package tool-src 1:2.0-1",
      "type": "software_File",
      "verifiedUsing": [
        {
          "algorithm": "sha256",
          "hashValue": "…",
          "type": "Hash"
        }
      ]
    },
    {
      "creationInfo": "_:creation",
      "from": "https://example.org/spdx/one-debian13/latest-amd64/…#Source-tool-src-1%3A2.0-1",
      "relationshipType": "hasDeclaredLicense",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#hasDeclaredLicense-Source-tool-src-1%253A2.0-1",
      "to": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#License-c7a1a20ac4d3"
      ],
      "type": "Relationship"
    },
    {
      "creationInfo": "_:creation",
      "from": "https://example.org/spdx/one-debian13/latest-amd64/…#Source-tool-src-1%3A2.0-1",
      "relationshipType": "generates",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#generates-Source-tool-src-1%253A2.0-1",
      "to": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#Binary-tool"
      ],
      "type": "Relationship"
    },
    {
      "creationInfo": "_:creation",
      "externalIdentifier": [
        {
          "externalIdentifierType": "email",
          "identifier": "platform@example.org",
          "type": "ExternalIdentifier"
        }
      ],
      "name": "Fake Platform Team",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#Agent-2dabe7663183",
      "type": "Organization"
    },
    {
      "creationInfo": "_:creation",
      "externalIdentifier": [
        {
          "externalIdentifierType": "email",
          "identifier": "fake@example.org",
          "type": "ExternalIdentifier"
        }
      ],
      "name": "Fake Maintainers",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#Agent-29f7588bdeff",
      "type": "Person"
    },
    {
      "creationInfo": "_:creation",
      "simplelicensing_licenseExpression": "CC0-1.0",
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#License-6e237c55b058",
      "type": "simplelicensing_LicenseExpression"
    },
    {
      "creationInfo": "_:creation",
      "element": [
        [ELEMENTS]
      ],
      "name": "one-debian13:latest (linux/amd64)",
      "rootElement": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#Image"
      ],
      "software_sbomType": [
        "build"
      ],
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#Sbom",
      "type": "software_Sbom"
    },
    {
      "creationInfo": "_:creation",
      "dataLicense": "https://example.org/spdx/one-debian13/latest-amd64/…#License-6e237c55b058",
      "element": [
        [ELEMENTS],
        "https://example.org/spdx/one-debian13/latest-amd64/…#Sbom"
      ],
      "name": "one-debian13:latest (linux/amd64)",
      "profileConformance": [
        "core",
        "software",
        "simpleLicensing"
      ],
      "rootElement": [
        "https://example.org/spdx/one-debian13/latest-amd64/…#Sbom"
      ],
      "spdxId": "https://example.org/spdx/one-debian13/latest-amd64/…#Document",
      "type": "SpdxDocument"
    }
  ]
}
"#
        .replace("[ELEMENTS]", ELEMENTS),
    );
}

#[test]
fn cyclonedx_1_6_tells_the_same_as_components() {
    assert_same(
        &document(&shop(), &["--format", "cyclonedx-1.6"]),
        r#"
{
  "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
  "bomFormat": "CycloneDX",
  "components": [
    {
      "bom-ref": "operating-system",
      "name": "debian",
      "type": "operating-system",
      "version": "13"
    },
    {
      "bom-ref": "pkg:deb/debian/tool@1%3A2.0-1%2Bb1?arch=amd64&distro=debian-13&upstream=tool-src%401%3A2.0-1",
      "copyright": "2020-2026 Tool Makers",
      "description": "package of a test",
      "hashes": [
        {
          "alg": "SHA-256",
          "content": "…"
        },
        {
          "alg": "SHA-512",
          "content": "0f5dc4004d41d50f2e37227219d0bfb5d4f0dfc98b1772905f9e9b27b4c8f77c0f69f4b950a66a8e112acfc068844d987aedf13f0424ce5cf9c14677571b72f8"
        }
      ],
      "licenses": [
        {
          "acknowledgement": "concluded",
          "expression": "Apache-2.0 OR GPL-2.0-or-later"
        }
      ],
      "name": "tool",
      "properties": [
        {
          "name": "distro:source",
          "value": "tool-src 1:2.0-1"
        },
        {
          "name": "distro:filter",
          "value": "left out: 1 files, 8 bytes, by the filter `/usr/share/man/**`: documentation"
        }
      ],
      "purl": "pkg:deb/debian/tool@1%3A2.0-1%2Bb1?arch=amd64&distro=debian-13&upstream=tool-src%401%3A2.0-1",
      "supplier": {
        "contact": [
          {
            "email": "fake@example.org"
          }
        ],
        "name": "Fake Maintainers"
      },
      "type": "library",
      "version": "1:2.0-1+b1"
    },
    {
      "bom-ref": "step usr-merge 1",
      "description": "generated by distro in its step `usr-merge`",
      "hashes": [
        {
          "alg": "SHA-256",
          "content": "…"
        }
      ],
      "name": "step usr-merge",
      "supplier": {
        "contact": [
          {
            "email": "platform@example.org"
          }
        ],
        "name": "Fake Platform Team"
      },
      "type": "data",
      "version": "sha256:…"
    }
  ],
  "compositions": [
    {
      "aggregate": "complete",
      "assemblies": [
        "pkg:oci/one-debian13@sha256%3Aab205930cf5fb16e8451665229e0a5b284b6cdc27b2ebea717d46fc7a5665ea0?arch=amd64&tag=latest"
      ]
    },
    {
      "aggregate": "incomplete",
      "dependencies": [
        "pkg:deb/debian/tool@1%3A2.0-1%2Bb1?arch=amd64&distro=debian-13&upstream=tool-src%401%3A2.0-1"
      ]
    }
  ],
  "dependencies": [
    {
      "dependsOn": [
        "operating-system",
        "pkg:deb/debian/tool@1%3A2.0-1%2Bb1?arch=amd64&distro=debian-13&upstream=tool-src%401%3A2.0-1",
        "step usr-merge 1"
      ],
      "ref": "pkg:oci/one-debian13@sha256%3Aab205930cf5fb16e8451665229e0a5b284b6cdc27b2ebea717d46fc7a5665ea0?arch=amd64&tag=latest"
    },
    {
      "ref": "pkg:deb/debian/tool@1%3A2.0-1%2Bb1?arch=amd64&distro=debian-13&upstream=tool-src%401%3A2.0-1"
    }
  ],
  "metadata": {
    "authors": [
      {
        "email": "platform@example.org",
        "name": "Fake Platform Team"
      }
    ],
    "component": {
      "bom-ref": "pkg:oci/one-debian13@sha256%3Aab205930cf5fb16e8451665229e0a5b284b6cdc27b2ebea717d46fc7a5665ea0?arch=amd64&tag=latest",
      "hashes": [
        {
          "alg": "SHA-256",
          "content": "…"
        },
        {
          "alg": "SHA-512",
          "content": "5b746924c078eb54f8502940514d6bd7b346d14a03e1772176b6288cc60b35a22ecc7c80c29f5c2fd63958a3abc2aba7f34f018229ba112fbfe21529d2500d4a"
        }
      ],
      "licenses": [
        {
          "acknowledgement": "concluded",
          "expression": "Apache-2.0 OR GPL-2.0-or-later"
        }
      ],
      "name": "one-debian13",
      "purl": "pkg:oci/one-debian13@sha256%3Aab205930cf5fb16e8451665229e0a5b284b6cdc27b2ebea717d46fc7a5665ea0?arch=amd64&tag=latest",
      "supplier": {
        "contact": [
          {
            "email": "platform@example.org"
          }
        ],
        "name": "Fake Platform Team"
      },
      "type": "container",
      "version": "sha256:…"
    },
    "lifecycles": [
      {
        "phase": "build"
      }
    ],
    "supplier": {
      "contact": [
        {
          "email": "platform@example.org"
        }
      ],
      "name": "Fake Platform Team"
    },
    "timestamp": "2025-06-15T15:06:40Z",
    "tools": {
      "components": [
        {
          "name": "distro",
          "type": "application",
          "version": "0.1.0"
        }
      ]
    }
  },
  "serialNumber": "urn:uuid:865954ae-3cd0-8796-aa05-94a276b2b913",
  "specVersion": "1.6",
  "version": 1
}
"#,
    );
}

#[test]
fn an_sbom_is_the_same_from_another_store_and_lies_beside_the_layout() {
    let shop = shop();
    shop.build(&[]).success();
    for (format, name) in [("spdx-2.3", "spdx"), ("spdx-3.0", "spdx3")] {
        let arguments = ["sbom", "one", "--arch", "amd64", "--format", format];
        let said = shop.world.distro(&arguments).success();
        let path = shop.world.path(format!("out/sbom/one-debian13_latest-amd64.{name}.json"));
        let lies = std::fs::read_to_string(path).unwrap();
        assert_eq!(said.stdout, lies.replace(shop.server.url(), "[URL]"));
    }
    let sbom = || shop.world.read("out/sbom/one-debian13_latest-amd64.spdx.json");
    let before = sbom();
    std::fs::remove_dir_all(shop.world.path("store")).unwrap();
    std::fs::create_dir(shop.world.path("store")).unwrap();
    std::fs::remove_dir_all(shop.world.path("out")).unwrap();
    shop.build(&["--jobs", "1"]).success();
    assert_eq!(sbom(), before);
}

#[test]
fn a_renewal_that_touches_nothing_of_an_image_leaves_its_sbom_as_it_was() {
    let mut shop = Workshop::new();
    shop.lock().build(&[]).success();
    let files =
        ["spdx", "spdx3"].map(|format| format!("out/sbom/static-debian13_latest-amd64.{format}.json"));
    let before = files.each_ref().map(|path| shop.world.read(path));
    let base = shop.world.read("out/sbom/base-debian13_latest-amd64.spdx.json");
    libc6("2.41-2").publish(&mut shop.archive);
    shop.lock().build(&[]).success();
    assert_eq!(files.each_ref().map(|path| shop.world.read(path)), before);
    assert_ne!(shop.world.read("out/sbom/base-debian13_latest-amd64.spdx.json"), base);
}

#[test]
fn one_document_for_the_catalog_has_each_package_once_and_each_image_with_what_it_contains() {
    let shop = Workshop::new();
    shop.lock();
    let said = shop.world.distro(&["sbom", "--all", "--merge", "--arch", "all"]).success();
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    let packages = document["packages"].as_array().unwrap();
    let ids: BTreeSet<_> = packages.iter().map(|package| package["SPDXID"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), packages.len());
    let of = |name: &str| packages.iter().filter(|package| package["name"] == name).count();
    // Of packages one for each architecture, of the image static three tags for each.
    assert_eq!([of("libc6"), of("ca-certificates"), of("static-debian13")], [2, 2, 6]);
    let relationships = document["relationships"].as_array().unwrap();
    let described =
        relationships.iter().filter(|relationship| relationship["relationshipType"] == "DESCRIBES");
    assert_eq!(described.count(), 18);
    for relationship in relationships {
        for end in ["spdxElementId", "relatedSpdxElement"] {
            let id = relationship[end].as_str().unwrap();
            assert!(id == "SPDXRef-DOCUMENT" || ids.contains(id), "{id}");
        }
    }
}

#[test]
fn what_nobody_could_fill_in_is_told_with_who_asks_for_it() {
    let shop = Workshop::of_one_image([Package::new("tool", "1.0")
        .without_copyright()
        .file("/usr/share/doc/tool/copyright", "nobody read this")]);
    shop.lock();
    shop.world.distro(&["sbom", "one", "--arch", "amd64", "--print-missing"]).assert_is(
        r#"
status: 1
----- stdout -----
ELEMENT          MISSING            WANTED BY                IMAGES
source tool 1.0  download location  Telco, BSI                    1
tool 1.0         copyright text     FSCT3, Telco                  1
tool 1.0         download location  Telco, BSI                    1
tool 1.0         licence            CISA, FSCT3, BSI, Telco       1
----- stderr -----
"#,
    );
}

/// An image with the program and the license of what upstream publishes.
fn upstream(license: &str) -> Workshop {
    let shop = Workshop::of_one_image([Package::new("tool", "1.0")]);
    let members = [
        Member::new("node-1.0/", EntryType::Directory),
        Member::file("node-1.0/LICENSE", license),
        Member::file("node-1.0/README.md", "Copyright 1999 nobody whose file is taken"),
        Member::file("node-1.0/bin/node", "the program"),
    ];
    let tarball = tar(&members, Compression::Xz);
    let directory = shop.archive.dir().join("upstream");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("node-1.0.tar.xz"), &tarball).unwrap();
    let mirror = format!(
        "[[mirror]]\nfrom = \"https://upstream.example/\"\nto = \"{}/upstream/\"\n",
        shop.server.url()
    );
    shop.append("catalog.toml", &mirror);
    let definition = format!(
        r#"
[tarball.node]
version = "1.0"
url = "https://upstream.example/node-{{{{ version }}}}.tar.xz"
architectures = {{ amd64 = "x64" }}
sha256 = {{ amd64 = "{}" }}
strip = 1
to = "/nodejs"
only = ["/nodejs/LICENSE", "/nodejs/bin/node"]
supplier = "Node Makers"
license = "LicenseRef-node OR MIT"
homepage = "https://node.example/"

[image.node]
description = "Node"
parent = "one"
tarballs = ["node"]
"#,
        sha256(&tarball)
    );
    shop.world.catalog("node.toml", &definition);
    shop.lock();
    shop
}

#[test]
fn an_upstream_tarball_brings_its_notices_and_the_text_of_its_license() {
    let text = "Copyright (c) 2020-2026 Node Makers\n\nDo as you like.\n\nCopyright 2019 Library Makers\n";
    let shop = upstream(text);
    let document = |format: &str| -> Value {
        let arguments = ["sbom", "node", "--arch", "amd64", "--format", format];
        serde_json::from_str(&shop.world.distro(&arguments).success().stdout).unwrap()
    };
    let spdx23 = document("spdx-2.3");
    let packages = spdx23["packages"].as_array().unwrap();
    let node = packages.iter().find(|package| package["SPDXID"] == "SPDXRef-Upstream-node").unwrap();
    let notices = "Copyright (c) 2020-2026 Node Makers\nCopyright 2019 Library Makers";
    assert_eq!(node["copyrightText"], notices);
    assert_eq!(node["licenseConcluded"], "LicenseRef-node OR MIT");
    assert_eq!(node["supplier"], "Organization: Node Makers");
    let texts = json!([{ "licenseId": "LicenseRef-node", "extractedText": text.trim_end(), "name": "node" }]);
    assert_eq!(spdx23["hasExtractedLicensingInfos"], texts);

    let spdx30 = document("spdx-3.0");
    let graph = spdx30["@graph"].as_array().unwrap();
    let named = |kind: &str, name: &str| {
        graph.iter().find(|element| element["type"] == kind && element["name"] == name).unwrap()
    };
    assert_eq!(named("software_Package", "node")["software_copyrightText"], notices);
    let page = json!([{
        "type": "ExternalIdentifier",
        "externalIdentifierType": "other",
        "identifier": "https://node.example/",
    }]);
    assert_eq!(named("Organization", "Node Makers")["externalIdentifier"], page);
    let license = named("simplelicensing_SimpleLicensingText", "LicenseRef-node");
    assert_eq!(license["simplelicensing_licenseText"], text.trim_end());

    let cyclonedx = document("cyclonedx-1.6");
    let components = cyclonedx["components"].as_array().unwrap();
    let node = components.iter().find(|component| component["name"] == "node").unwrap();
    assert_eq!(node["copyright"], notices);
    assert_eq!(node["supplier"], json!({ "name": "Node Makers", "url": ["https://node.example/"] }));
}

#[test]
fn an_upstream_tarball_without_notices_is_told() {
    let shop = upstream("");
    shop.world.distro(&["sbom", "node", "--arch", "amd64", "--print-missing"]).assert_is(
        r#"
status: 1
----- stdout -----
ELEMENT          MISSING            WANTED BY                IMAGES
node 1.0         copyright text     FSCT3, Telco                  1
node 1.0         licence text       CISA, FSCT3, BSI, Telco       1
source tool 1.0  download location  Telco, BSI                    1
tool 1.0         download location  Telco, BSI                    1
----- stderr -----
"#,
    );
}

#[test]
fn documents_of_several_images_want_a_place() {
    let shop = Workshop::new();
    shop.lock();
    let sbom = |arguments: &[&str]| shop.world.distro(&[&["sbom"], arguments].concat());
    assert_refused(
        &sbom(&["--all", "--arch", "amd64"]),
        r#"
error: an SBOM is of one image, and these are several
hint: write a file for each by `--out DIR`, or one for all by `--merge`
"#,
    );
    assert_refused(
        &sbom(&["static:latest", "--arch", "amd64,arm64"]),
        r#"
error: an SBOM is of one architecture
hint: name one by `--arch`, or write a file for each by `--out DIR`
"#,
    );
    assert_refused(
        &sbom(&["static", "--arch", "amd64", "--merge", "--format", "spdx-3.0"]),
        r#"
error: only documents of SPDX 2.3 are merged
hint: leave out `--format`, or write a file for each image by `--out`
"#,
    );
    assert_refused(
        &sbom(&["nonesuch", "--arch", "amd64"]),
        r#"
error: the catalog has no image `nonesuch:latest`
hint: known: base, cc, static
"#,
    );
    sbom(&["static", "cc:debug", "--arch", "all", "--format", "cyclonedx-1.6", "--out", "sboms"]).success();
    let names = std::fs::read_dir(shop.world.path("sboms")).unwrap();
    let names: BTreeSet<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let images =
        ["cc-debian13_debug", "static-debian13_debug", "static-debian13_latest", "static-debian13_nonroot"];
    let expected =
        images.into_iter().flat_map(|image| ["amd64", "arm64"].map(|on| format!("{image}-{on}.cdx.json")));
    assert_eq!(names, expected.collect());
}
