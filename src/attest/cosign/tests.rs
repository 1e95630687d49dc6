use super::*;
use crate::attest::attach::Claims;
use crate::attest::key::PrivateKey;
use crate::attest::statement::{Resource, Statement};
use crate::image::descriptor;
use crate::image::layout::sha256;

/// Keys that sign, each told from others by its number.
fn key(number: u8) -> PrivateKey {
    use ed25519_dalek::pkcs8::EncodePrivateKey as _;
    let key = ed25519_dalek::SigningKey::from_bytes(&[number; 32]);
    let text = key.to_pkcs8_pem(p256::pkcs8::LineEnding::LF).unwrap();
    PrivateKey::parse(text.as_bytes(), None).unwrap()
}

fn image() -> Descriptor {
    descriptor(MediaType::ImageManifest, Sha256::of(b"image"), 5).unwrap()
}

fn claims<'a>(image: &'a Descriptor, says: &[&str]) -> Claims<'a> {
    let statement = |text: &&str| {
        let subject = Resource::new("cc-debian13:latest-amd64", sha256(image).unwrap());
        Statement::new(subject, "https://example.org/said", json!(text))
    };
    let statements = says.iter().map(statement).collect();
    Claims { image, repository: "cc-debian13", statements }
}

/// What others find attached to an image after a change.
fn attached(before: Vec<(Sha256, Bundle)>, change: crate::attest::attach::Change) -> Vec<(Sha256, Bundle)> {
    let kept = before.into_iter().filter(|(manifest, _)| !change.remove.contains(manifest));
    let added = change
        .add
        .iter()
        .map(|referrer| (referrer.manifest.digest, Bundle::parse(&referrer.blobs[0].bytes).unwrap()));
    kept.chain(added).collect()
}

fn said(bundles: &[(Sha256, Bundle)], key: &PublicKey) -> Vec<String> {
    let verified = bundles.iter().filter_map(|(_, bundle)| bundle.dsse_envelope.verified(key).ok());
    let statements = verified.map(|payload| Statement::parse(payload).unwrap());
    let mut said: Vec<_> =
        statements.map(|statement| format!("{} {}", statement.predicate_type, statement.predicate)).collect();
    said.sort();
    said
}

#[test]
fn a_bundle_is_attached_as_cosign_attaches_it() {
    let image = image();
    let change = claims(&image, &[]).bundles(&[], &key(1)).unwrap();
    let [referrer] = &change.add[..] else { panic!("{change:?}") };
    let manifest: serde_json::Value = serde_json::from_slice(&referrer.manifest.bytes).unwrap();
    let bundle: serde_json::Value = serde_json::from_slice(&referrer.blobs[0].bytes).unwrap();
    assert_eq!(manifest["artifactType"], BUNDLE);
    assert_eq!(
        manifest["annotations"],
        json!({
            "dev.sigstore.bundle.content": "dsse-envelope",
            "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1",
        })
    );
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 1);
    assert_eq!(manifest["layers"][0]["mediaType"], BUNDLE);
    assert_eq!(manifest["subject"]["digest"], Sha256::of(b"image").oci());
    assert_eq!(bundle["mediaType"], BUNDLE);
    assert_eq!(bundle["verificationMaterial"]["publicKey"]["hint"], key(1).public_key().hint());
    assert_eq!(bundle["dsseEnvelope"]["payloadType"], "application/vnd.in-toto+json");
    let payload = base64::decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    let expected = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","predicate":{{}},"predicateType":"{SIGNED}","subject":[{{"digest":{{"sha256":"{}"}}}}]}}"#,
        Sha256::of(b"image")
    );
    assert_eq!(String::from_utf8(payload).unwrap(), expected);
}

#[test]
fn what_a_key_said_is_replaced_and_what_others_said_stays() {
    let (image, one, two) = (image(), key(1), key(2));
    let first = attached(vec![], claims(&image, &["old"]).bundles(&[], &one).unwrap());
    let first = attached(first.clone(), claims(&image, &["old"]).bundles(&first, &two).unwrap());
    let again = claims(&image, &["old"]).bundles(&first, &one).unwrap();
    assert!(again.add.is_empty() && again.remove.is_empty(), "{again:?}");

    let then = attached(first.clone(), claims(&image, &["new"]).bundles(&first, &one).unwrap());
    let signed = "https://sigstore.dev/cosign/sign/v1 {}";
    assert_eq!(said(&then, one.public_key()), ["https://example.org/said \"new\"", signed]);
    assert_eq!(said(&then, two.public_key()), ["https://example.org/said \"old\"", signed]);
    assert_eq!(then.len(), 4);
}

#[test]
fn older_forms_gather_the_signatures_of_several_keys() {
    let (image, one, two) = (image(), key(1), key(2));
    let claims_of = |text| claims(&image, &[text]);
    let read = |tagged: &Tagged| {
        let find = |digest| {
            let blob = tagged.blobs.iter().find(|blob| blob.digest == digest);
            blob.map(|blob| blob.bytes.clone()).ok_or_else(|| OciSpecError::Other("gone".into()))
        };
        documents(&tagged.manifest.bytes, find).unwrap()
    };

    let signatures = read(&claims_of("old").signatures(&[], &one).unwrap().unwrap());
    let signatures = read(&claims_of("old").signatures(&signatures, &two).unwrap().unwrap());
    assert_eq!(claims_of("old").signatures(&signatures, &one).unwrap(), None);
    let by = |key: &PrivateKey| {
        signatures.iter().filter_map(|of| signed_image(of, key.public_key())).collect::<Vec<_>>()
    };
    assert_eq!((by(&one), by(&two)), (vec![Sha256::of(b"image")], vec![Sha256::of(b"image")]));
    assert_eq!(by(&key(3)), []);
    let mut altered = signatures[0].clone();
    altered.blob = Blob::of(payload("cc-debian13", Sha256::of(b"other")));
    assert_eq!(signed_image(&altered, one.public_key()), None);

    let attestations = read(&claims_of("old").attestations(&[], &one).unwrap().unwrap());
    let attestations = read(&claims_of("old").attestations(&attestations, &two).unwrap().unwrap());
    assert_eq!(claims_of("old").attestations(&attestations, &one).unwrap(), None);
    let attestations = read(&claims_of("new").attestations(&attestations, &one).unwrap().unwrap());
    let by = |key: &PrivateKey| {
        let verified = attestations.iter().filter_map(|document| {
            let (envelope, predicate_type) = attested(document)?;
            assert_eq!(predicate_type, "https://example.org/said");
            let statement = Statement::parse(envelope.verified(key.public_key()).ok()?).unwrap();
            Some(statement.predicate.to_string())
        });
        verified.collect::<Vec<_>>()
    };
    assert_eq!((by(&one), by(&two)), (vec!["\"new\"".to_owned()], vec!["\"old\"".to_owned()]));
}

#[test]
fn the_payload_is_that_of_cosign() {
    let text = String::from_utf8(payload("registry.example.org/cc", Sha256::of(b"image"))).unwrap();
    let expected = format!(
        concat!(
            r#"{{"critical":{{"identity":{{"docker-reference":"registry.example.org/cc"}},"#,
            r#""image":{{"docker-manifest-digest":"sha256:{}"}},"type":"cosign container image signature"}},"optional":null}}"#
        ),
        Sha256::of(b"image")
    );
    assert_eq!(text, expected);
}
