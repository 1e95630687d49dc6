//! An authority that nobody knows, and the certificate of a server at 127.0.0.1 by it.

use std::sync::{Arc, OnceLock};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

fn issuer() -> &'static CertifiedIssuer<'static, KeyPair> {
    static ISSUER: OnceLock<CertifiedIssuer<'static, KeyPair>> = OnceLock::new();
    ISSUER.get_or_init(|| {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    })
}

/// The authority's certificate, in PEM.
pub fn certificate() -> String {
    issuer().pem()
}

pub fn server_config() -> Arc<ServerConfig> {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, issuer()).unwrap();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key);
    Arc::new(config.unwrap())
}
