//! What stands under an export: a manifest of its files, signed by the device that wrote them down
//! (docs/spec/export.md). It proves what this device wrote down, not what others said.

use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subrosa_ledger::{Account, text, verify};
use subrosa_proto::{DeviceId, Signed, decode, encode};

/// What a manifest begins with.
pub const EXPORT_FORMAT: &str = "subrosa-export";
/// What its signature begins with.
const SIGNATURE_FORMAT: &str = "subrosa-export-signature";
/// Version of both.
pub const EXPORT_VERSION: u64 = 1;

/// A file of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportFile {
    /// Below the export's folder, with `/` between folders.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, hexadecimal, as `sha256sum` prints it.
    pub sha256: String,
}

/// A conversation in an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportTalk {
    /// As people name it at this device.
    pub name: String,
    /// Its id, hexadecimal.
    pub conv: String,
    /// Rows that were written down.
    pub rows: u64,
    /// Where they are.
    pub path: String,
}

/// What an export holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`EXPORT_FORMAT`].
    pub format: String,
    /// [`EXPORT_VERSION`].
    pub version: u64,
    /// The account whose device wrote it: its name, as it says itself.
    pub name: String,
    /// Its id, hexadecimal.
    pub account: String,
    /// The device, hexadecimal.
    pub device: String,
    /// By that device's clock, Unix milliseconds.
    pub made_ms: u64,
    /// How the files are written.
    pub form: String,
    /// Events of the history that were not at this device yet, and so are not in here.
    pub missing: u64,
    /// Conversations.
    pub conversations: Vec<ExportTalk>,
    /// Files.
    pub files: Vec<ExportFile>,
}

/// A device's signature under a manifest, with what certifies the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ExportSignature {
    /// Names the format.
    format: String,
    /// Of the format.
    version: u64,
    /// Ed25519, hexadecimal.
    signature: String,
    /// The account's chain, CBOR, hexadecimal.
    chain: String,
}

/// Why an export does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// No such file.
    #[error("{0} is not what `subrosa export` writes, or it was changed")]
    Unreadable(&'static str),
    /// Of a newer build.
    #[error("this export was written by a newer version of subrosa; upgrade to verify it")]
    Newer,
    /// The chain breaks the rules.
    #[error("the chain that comes with the signature breaks the rules: it proves nothing")]
    Chain,
    /// The chain is another account's, or does not certify the device.
    #[error("the device that signed is not certified by the account that the manifest names")]
    Uncertified,
    /// The signature is wrong.
    #[error("the signature does not fit the manifest: one of the two was changed")]
    Signature,
}

/// Who signed an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The name the account's identity key has signed.
    pub name: String,
    /// What the device was called when it was certified; may hold any characters.
    pub label: String,
    /// Whether the account had revoked it when the export was made.
    pub revoked: bool,
}

/// SHA-256 of what is written (FIPS 180-4).
#[derive(Clone, Default)]
pub struct FileDigest(Sha256);

impl FileDigest {
    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    /// Hexadecimal.
    #[must_use]
    pub fn hex(self) -> String {
        HEXLOWER.encode(&self.0.finalize())
    }
    /// As a Content Security Policy names a style.
    #[must_use]
    pub fn base64(self) -> String {
        BASE64.encode(&self.0.finalize())
    }
}

/// The digest of a manifest, which is what is signed.
#[must_use]
pub fn manifest_digest(manifest: &[u8]) -> String {
    let mut digest = FileDigest::default();
    digest.update(manifest);
    digest.hex()
}

/// The bytes of a digest, if it is one.
pub(crate) fn digest_bytes(digest: &str) -> Option<[u8; 32]> {
    let bytes = HEXLOWER_PERMISSIVE.decode(digest.as_bytes()).ok()?;
    bytes.try_into().ok()
}

impl ExportSignature {
    pub(crate) fn new(signature: &[u8; 64], chain: &[Signed]) -> Self {
        Self {
            format: SIGNATURE_FORMAT.to_owned(),
            version: EXPORT_VERSION,
            signature: HEXLOWER.encode(signature),
            chain: HEXLOWER.encode(&encode(&chain.to_vec())),
        }
    }
}

/// Checks the signature under a manifest, with nothing but these two files. The files that it lists are for the caller.
///
/// # Errors
/// [`ExportError`]
pub fn verify_export(manifest: &[u8], signature: &[u8]) -> Result<(Manifest, Signer), ExportError> {
    let listed: Manifest =
        serde_json::from_slice(manifest).map_err(|_| ExportError::Unreadable("the manifest"))?;
    let under: ExportSignature =
        serde_json::from_slice(signature).map_err(|_| ExportError::Unreadable("the signature"))?;
    if listed.version > EXPORT_VERSION || under.version > EXPORT_VERSION {
        return Err(ExportError::Newer);
    }
    if listed.format != EXPORT_FORMAT || under.format != SIGNATURE_FORMAT {
        return Err(ExportError::Unreadable("the manifest"));
    }
    let unreadable = ExportError::Unreadable("the signature");
    let bytes = |hex: &str| HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok();
    let chain = bytes(&under.chain).ok_or(unreadable.clone())?;
    let statements: Vec<Signed> = decode(&chain.into()).map_err(|_| unreadable.clone())?;
    let made: [u8; 64] = bytes(&under.signature)
        .and_then(|made| made.try_into().ok())
        .ok_or(unreadable)?;
    let account = Account::from_chain(&statements).map_err(|_| ExportError::Chain)?;
    let device: [u8; 32] = bytes(&listed.device)
        .and_then(|device| device.try_into().ok())
        .ok_or(ExportError::Uncertified)?;
    let device = DeviceId(device);
    let certified = account.device(&device).ok_or(ExportError::Uncertified)?;
    if account.id().to_string() != listed.account {
        return Err(ExportError::Uncertified);
    }
    let digest = digest_bytes(&manifest_digest(manifest)).ok_or(ExportError::Signature)?;
    let signed = text::export(&digest);
    if verify(&device.0, &signed, &made).is_err() {
        return Err(ExportError::Signature);
    }
    let signer = Signer {
        name: account.name().as_str().to_owned(),
        label: certified.label.clone(),
        revoked: !certified.live(),
    };
    Ok((listed, signer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use subrosa_e2e::{Credential, Identity, Machine, SlotSecret, found_account};
    use subrosa_proto::Name;
    use zeroize::Zeroizing;

    /// A manifest of Ada's device, and its signature.
    fn made(name: &str) -> (Manifest, Machine, Vec<Signed>) {
        let mut rng = crate::randomness::system();
        let identity = Identity::generate(&mut rng);
        let id = identity.id();
        let (machine, _) = Machine::generate(id, &mut rng);
        let secret = SlotSecret {
            seed: Box::new(Zeroizing::new([1; 32])),
            anchor: [2; 32],
        };
        let slot = || Credential {
            secret: &secret,
            record: bytes::Bytes::from_static(b"record"),
        };
        let named = Name::new(name).unwrap();
        let device = machine.device();
        let founded =
            found_account(identity, &named, device, "desk", slot(), slot(), &mut rng).unwrap();
        let manifest = Manifest {
            format: EXPORT_FORMAT.to_owned(),
            version: EXPORT_VERSION,
            name: name.to_owned(),
            account: id.to_string(),
            device: device.to_string(),
            made_ms: 1,
            form: "jsonl".to_owned(),
            missing: 0,
            conversations: Vec::new(),
            files: Vec::new(),
        };
        (manifest, machine, founded.chain)
    }

    fn sealed(manifest: &Manifest, machine: &Machine, chain: &[Signed]) -> (Vec<u8>, Vec<u8>) {
        let bytes = serde_json::to_vec(manifest).unwrap();
        let signed = digest_bytes(&manifest_digest(&bytes)).unwrap();
        let signature = ExportSignature::new(&machine.sign_export(&signed), chain);
        (bytes, serde_json::to_vec(&signature).unwrap())
    }

    #[test]
    fn a_signature_holds_for_its_manifest_and_no_other() {
        let (manifest, machine, chain) = made("ada");
        let (bytes, signature) = sealed(&manifest, &machine, &chain);
        let (read, signer) = verify_export(&bytes, &signature).unwrap();
        assert_eq!(
            (read, signer.name.as_str(), signer.label.as_str()),
            (manifest.clone(), "ada", "desk")
        );
        let changed = Manifest {
            missing: 1,
            ..manifest.clone()
        };
        let changed = serde_json::to_vec(&changed).unwrap();
        assert_eq!(
            verify_export(&changed, &signature),
            Err(ExportError::Signature)
        );

        // Another account cannot speak for this one, whatever it signs.
        let (_, mallory, mallory_chain) = made("mallory");
        let (_, forged) = sealed(&manifest, &mallory, &chain);
        assert_eq!(verify_export(&bytes, &forged), Err(ExportError::Signature));
        let (_, forged) = sealed(&manifest, &mallory, &mallory_chain);
        assert_eq!(
            verify_export(&bytes, &forged),
            Err(ExportError::Uncertified)
        );
        let (_, forged) = sealed(&manifest, &machine, &chain[..0]);
        assert_eq!(verify_export(&bytes, &forged), Err(ExportError::Chain));
    }

    #[test]
    fn what_is_no_export_is_told() {
        let (manifest, machine, chain) = made("ada");
        let (bytes, signature) = sealed(&manifest, &machine, &chain);
        assert_eq!(
            verify_export(b"{}", &signature),
            Err(ExportError::Unreadable("the manifest"))
        );
        assert_eq!(
            verify_export(&bytes, b"x"),
            Err(ExportError::Unreadable("the signature"))
        );
        let newer = Manifest {
            version: 2,
            ..manifest
        };
        let (bytes, signature) = sealed(&newer, &machine, &chain);
        assert_eq!(verify_export(&bytes, &signature), Err(ExportError::Newer));
        assert_eq!(digest_bytes("00"), None);
    }
}
