use super::*;

const EC: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg4ryR4oWX0DBVeSoq
WckEcpuC38W2X5cPyQR9C7hs9qChRANCAAQ559f+xZ3tx2eGeRgZpg5qB9ETgcxt
D1M7P2vaefzLCrJQx+Cs/xEfrxiqBR5qzBaAzN031uV5xt96MGtnB4uz
-----END PRIVATE KEY-----";

const EC_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOefX/sWd7cdnhnkYGaYOagfRE4HM
bQ9TOz9r2nn8ywqyUMfgrP8RH68YqgUeaswWgMzdN9blecbfejBrZweLsw==
-----END PUBLIC KEY-----";

const EC_SEC1: &str = "-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIOK8keKFl9AwVXkqKlnJBHKbgt/Ftl+XD8kEfQu4bPagoAoGCCqGSM49
AwEHoUQDQgAEOefX/sWd7cdnhnkYGaYOagfRE4HMbQ9TOz9r2nn8ywqyUMfgrP8R
H68YqgUeaswWgMzdN9blecbfejBrZweLsw==
-----END EC PRIVATE KEY-----";

/// The same key, encrypted by libsodium and Python's scrypt with the password `correct horse`.
const EC_ENCRYPTED: &str = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjozMjc2OCwiciI6
OCwicCI6MX0sInNhbHQiOiJZMGVhMXBvSkN5V0NkK3lQdW0rWlFab3YreVNKZ1ZF
R1Y4bEV6TkVVanBjPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiJlRGQ3VWxkWHRKUkNmNGtCVDVmWG1TanprNDBVNjFIaSJ9LCJj
aXBoZXJ0ZXh0IjoiWGg1QzZrUjFiSTIxVzNTVmFBTWZxNWlEVEpSeWk3RTJTWnFI
VTAzaWxKYzJFSlE5NVhOSk1zbzJrSktEdjBac1pWeHRQK2ZLNVYzbFlqd3lwL3dy
VzRuVXZEOE8rL2JqMmdXVDZHaStBRXFnZDg5b1EvQ3VkUGFGSW0wK2NENGlmS2E4
aHd3VkN2OEZtUEZQMmtBc1VXVms3U0QwWUlVNlR1VHZpbU5JQkJHUDZHL1FzQXZq
enF5djBibXNSUDNaaUFYUzJObG9ZRExzMFE9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----";

const ED: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIFE9s0XeWxmlFYSMG32aMjUBETVmmfkMkCY32wdRBQEF
-----END PRIVATE KEY-----";

const ED_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAPOqA8UW6AyT4jyCmIlrGM//fonKZ6sWamL5xXCfeGFY=
-----END PUBLIC KEY-----";

const RSA_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtl74Aa1Zv84wuFGpbaXC
fce2hKdYmDZ6mOFek4Qde+CkYEIONzW/LLox7nzASbJyH8nzRIt1k2VajMU4az+S
D1PSe98zJ8JModR1fS5LtAr1G+8m2USJytFkXb6v+Odkm4JFvae3FlAy6/kWwU6h
qebbiESb3jAXofhNXBZhcXCDgZqG7m9VoussnFgmN5EXsl0G4quR/ycXmEkwxzDW
vpr9u6OgWUjIULxtBKoMkZVvsmN0g1L2wyoBO2ETyJ/PRc1beekCPqjw2B6JyQIE
qzyztUFM76xocGJtIH1ayn8ztBxx3yif999C2p0npW0W78IlzA2dDFN1kzMrPtM8
rQIDAQAB
-----END PUBLIC KEY-----";

/// Signatures of `message` by openssl.
const EC_SIGNATURE: &str =
    "MEQCIDgP8K/1H2iVKGXmdABrCtgPnBvkalX22IpICTUhZsYmAiAIMJxMI1oM7c8YZ+Jr8PUqIdw9WmZaWU4G5NmuN7siCQ==";
const ED_SIGNATURE: &str =
    "IfptrDHKucmIJWjkjK7+Cvv2633OGRGze4Kx/bv2mDaNNgKS90XoEiUbpsqw+g6Aq3aQ0K4lRNcM92A7x6jEAA==";

fn refused(text: &str, password: Option<&[u8]>) -> String {
    PrivateKey::parse(text.as_bytes(), password).unwrap_err().to_string()
}

#[test]
fn what_openssl_signs_is_verified() {
    for (public, signature) in [(EC_PUBLIC, EC_SIGNATURE), (ED_PUBLIC, ED_SIGNATURE)] {
        let key = PublicKey::parse(public.as_bytes()).unwrap();
        let signature = base64::decode(signature).unwrap();
        assert!(key.verifies(b"message", &signature));
        assert!(!key.verifies(b"massage", &signature));
        assert!(!key.verifies(b"message", &signature[1..]));
        let other =
            PublicKey::parse(if public == EC_PUBLIC { ED_PUBLIC } else { EC_PUBLIC }.as_bytes()).unwrap();
        assert!(!other.verifies(b"message", &signature));
    }
}

#[test]
fn a_signature_is_the_same_each_time() {
    for (private, public) in [(EC, EC_PUBLIC), (ED, ED_PUBLIC)] {
        let key = PrivateKey::parse(private.as_bytes(), None).unwrap();
        let signature = key.sign(b"message").unwrap();
        assert_eq!(signature, key.sign(b"message").unwrap());
        assert_eq!(*key.public_key(), PublicKey::parse(public.as_bytes()).unwrap());
        assert!(key.public_key().verifies(b"message", &signature));
    }
    let ed = PrivateKey::parse(ED.as_bytes(), None).unwrap();
    assert_eq!(base64::encode(&ed.sign(b"message").unwrap()), ED_SIGNATURE);
}

#[test]
fn numbers_in_a_row_become_der() {
    let key = PrivateKey::parse(EC.as_bytes(), None).unwrap();
    let der = key.sign(b"message").unwrap();
    let row = p256::ecdsa::Signature::from_der(&der).unwrap().to_bytes();
    assert_eq!(key.public_key().accept(b"message", &row), Some(der.clone()));
    assert_eq!(key.public_key().accept(b"message", &der), Some(der));
    assert_eq!(key.public_key().accept(b"massage", &row), None);
}

#[test]
fn a_key_of_cosign_needs_its_password() {
    let key = PrivateKey::parse(EC_ENCRYPTED.as_bytes(), Some(b"correct horse")).unwrap();
    assert_eq!(key.public_key().hint(), "4UDEQ1g60rH5/ZoYEdGB87kCA0tBtpmifbacD+bmxvs=");
    assert_eq!(refused(EC_ENCRYPTED, Some(b"wrong horse")), "the password does not fit it");
    assert_eq!(refused(EC_ENCRYPTED, None), "it is encrypted, and no password is given");
}

#[test]
fn a_key_that_would_take_all_memory_is_refused() {
    let text = r#"{"kdf":{"name":"scrypt","params":{"N":1073741824,"r":8,"p":1},"salt":""},
        "cipher":{"name":"nacl/secretbox","nonce":""},"ciphertext":""}"#;
    let text = pem::encode_string(COSIGN[0], pem::LineEnding::LF, text.as_bytes()).unwrap();
    assert_eq!(
        refused(&text, Some(b"")),
        "it is encrypted in a way that is not cosign's: scrypt with N = 1073741824, r = 8, p = 1"
    );
}

#[test]
fn what_is_no_key_is_told() {
    assert_eq!(
        refused("secret", None),
        "it is not a key in PEM: `-----BEGIN PRIVATE KEY-----` or `-----BEGIN PUBLIC KEY-----` is expected"
    );
    assert_eq!(
        refused(EC_SEC1, None),
        "it is of the kind `EC PRIVATE KEY`, and a private key of PKCS #8 or cosign is expected"
    );
    assert_eq!(
        PublicKey::parse(EC.as_bytes()).unwrap_err().to_string(),
        "it is of the kind `PRIVATE KEY`, and a public key is expected"
    );
    let rsa = PublicKey::parse(RSA_PUBLIC.as_bytes());
    assert_eq!(rsa, Err(KeyError::Algorithm));
}

#[test]
fn a_private_key_is_not_shown() {
    for text in [EC, ED] {
        let key = PrivateKey::parse(text.as_bytes(), None).unwrap();
        let secret: &[u8] = &match &key.secret {
            Secret::P256(key) => key.to_bytes().to_vec(),
            Secret::Ed25519(key) => key.to_bytes().to_vec(),
        };
        let shown = format!("{key:?} {key:#?}");
        assert!(
            !shown.contains(&format!("{secret:?}")) && !shown.contains(&base64::encode(secret)),
            "{shown}"
        );
        assert!(shown.starts_with("PrivateKey(of "), "{shown}");
    }
}
