//! OPAQUE-3DH over ristretto255 with SHA-512, as docs/spec/login.md §1.1 fixes it. The only file that names the crates
//! of OPAQUE; arrays of bytes in, arrays of bytes out.
//!
//! Three things go wrong silently in this library and are therefore decided here, once: the stretching function is
//! given to both calls that finish at the client (else a default one is used), both identities go into every call, and
//! the context goes into both calls at the server.

use core::marker::PhantomData;

use opaque_ke::errors::{InternalError, ProtocolError};
use opaque_ke::generic_array::{ArrayLength, GenericArray};
use opaque_ke::key_exchange::group::Group;
use opaque_ke::ksf::Ksf;
use opaque_ke::{
    ClientLoginFinishParameters, ClientRegistrationFinishParameters, CredentialFinalization,
    CredentialRequest, CredentialResponse, Identifiers, RegistrationRequest, RegistrationResponse,
    RegistrationUpload, Ristretto255, ServerLoginParameters, ServerRegistration, TripleDh,
};
use zeroize::{Zeroize, Zeroizing};

use crate::error::LoginError;
use crate::stretching::stretch;

/// Bytes of a registration request: a blinded element.
pub const REGISTRATION_REQUEST_LEN: usize = 32;
/// Bytes of a registration response: an evaluated element and the server's OPAQUE key.
pub const REGISTRATION_RESPONSE_LEN: usize = 64;
/// Bytes of a registration upload, and of the record that the server stores.
pub const RECORD_LEN: usize = 192;
/// Bytes of the first login message, client to server.
pub const KE1_LEN: usize = 96;
/// Bytes of the second login message, server to client; the same for unknown names.
pub const KE2_LEN: usize = 320;
/// Bytes of the third login message, client to server.
pub const KE3_LEN: usize = 64;

/// The suite. Only the client stretches; the parameter lets the tests run RFC 9807's vectors, which leave it out.
struct Suite<K = Stretching>(PhantomData<K>);

impl<K: Ksf> opaque_ke::CipherSuite for Suite<K> {
    type OprfCs = Ristretto255;
    type KeyExchange = TripleDh<Ristretto255, opaque_sha2::Sha512>;
    type Ksf = K;
}

/// Argon2id with the constant parameters.
#[derive(Default)]
pub(crate) struct Stretching;

impl Ksf for Stretching {
    fn hash<L: ArrayLength<u8>>(
        &self,
        input: GenericArray<u8, L>,
    ) -> Result<GenericArray<u8, L>, InternalError> {
        let mut output = GenericArray::default();
        stretch(&input, &mut output).map_err(|_| InternalError::KsfError)?;
        Ok(output)
    }
}

/// RFC 9807's `credential_identifier`, `client_identity` and `server_identity`; the first two are the same here.
#[derive(Clone, Copy)]
pub(crate) struct Identities<'a> {
    pub(crate) credential: &'a [u8],
    pub(crate) client: &'a [u8],
    pub(crate) server: &'a [u8],
}

impl<'a> Identities<'a> {
    fn identifiers(self) -> Identifiers<'a> {
        Identifiers {
            client: Some(self.client),
            server: Some(self.server),
        }
    }

    fn server_parameters(self, context: &'a [u8]) -> ServerLoginParameters<'a, 'a> {
        ServerLoginParameters {
            context: Some(context),
            identifiers: self.identifiers(),
        }
    }
}

/// An export key or a session key. Boxed, so that moving it leaves no copy behind.
pub(crate) type OutputKey = Box<Zeroizing<[u8; 64]>>;

/// The server's OPAQUE secrets.
pub(crate) struct Setup(opaque_ke::ServerSetup<Suite>);

impl Setup {
    /// `ake_seed` gives the key pair by RFC 9807's DeriveDiffieHellmanKeyPair.
    pub(crate) fn new(oprf_seed: &[u8; 64], ake_seed: &[u8; 32]) -> Result<Self, LoginError> {
        let private = derive_scalar(ake_seed)?;
        let public = Ristretto255::serialize_pk(&Ristretto255::public_key(&private));
        let mut bytes = Zeroizing::new(Vec::with_capacity(128));
        bytes.extend_from_slice(oprf_seed);
        bytes.extend_from_slice(Zeroizing::new(Ristretto255::serialize_sk(&private)).as_slice());
        // The library's own key for unknown names. It is not used: such logins get a whole dummy record, see setup.rs.
        bytes.extend_from_slice(public.as_slice());
        let setup =
            opaque_ke::ServerSetup::deserialize(&bytes).map_err(|_| LoginError::Computation)?;
        Ok(Self(setup))
    }
}

fn derive_scalar(seed: &[u8; 32]) -> Result<<Ristretto255 as Group>::Sk, LoginError> {
    Ristretto255::derive_scalar((*seed).into()).map_err(|_| LoginError::Computation)
}

/// A public key whose private key is forgotten at once.
pub(crate) fn public_key(seed: &[u8; 32]) -> Result<[u8; 32], LoginError> {
    let private = derive_scalar(seed)?;
    Ok(Ristretto255::serialize_pk(&Ristretto255::public_key(&private)).into())
}

/// The client's state between registration request and response. Boxed, as the next: it wipes itself where it is dropped,
/// and every place it was moved away from would keep what blinds the secret.
pub(crate) struct ClientRegistration<K: Ksf = Stretching>(
    Box<opaque_ke::ClientRegistration<Suite<K>>>,
);

/// The client's state between KE1 and KE2.
pub(crate) struct ClientLogin<K: Ksf = Stretching>(Box<opaque_ke::ClientLogin<Suite<K>>>);

/// The server's state between KE2 and KE3.
pub(crate) struct ServerLogin(opaque_ke::ServerLogin<Suite>);

pub(crate) fn registration_request<K: Ksf>(
    secret: &[u8],
    rng: &mut impl rand_core::CryptoRng,
) -> Result<(ClientRegistration<K>, [u8; REGISTRATION_REQUEST_LEN]), LoginError> {
    let started = opaque_ke::ClientRegistration::<Suite<K>>::start(&mut Randomness(rng), secret)
        .map_err(|_| LoginError::Computation)?;
    Ok((
        ClientRegistration(Box::new(started.state)),
        started.message.serialize().into(),
    ))
}

pub(crate) fn registration_response(
    setup: &Setup,
    credential_id: &[u8],
    request: &[u8],
) -> Result<[u8; REGISTRATION_RESPONSE_LEN], LoginError> {
    let request: [u8; REGISTRATION_REQUEST_LEN] = sized(request)?;
    let request =
        RegistrationRequest::<Suite>::deserialize(&request).map_err(|_| LoginError::Malformed)?;
    let response = ServerRegistration::start(&setup.0, request, credential_id)
        .map_err(|_| LoginError::Computation)?;
    array(&response.message.serialize())
}

/// The upload and the export key.
pub(crate) fn registration_upload<K: Ksf>(
    state: ClientRegistration<K>,
    secret: &[u8],
    response: &[u8],
    identities: Identities<'_>,
    rng: &mut impl rand_core::CryptoRng,
) -> Result<([u8; RECORD_LEN], OutputKey), LoginError> {
    let response: [u8; REGISTRATION_RESPONSE_LEN] = sized(response)?;
    let response =
        RegistrationResponse::deserialize(&response).map_err(|_| LoginError::Malformed)?;
    let ksf = K::default();
    let parameters = ClientRegistrationFinishParameters::new(identities.identifiers(), Some(&ksf));
    // A copy is used up, since a value that is moved out of its box is not wiped there.
    let mut finished = state
        .0
        .as_ref()
        .clone()
        .finish(&mut Randomness(rng), secret, response, parameters)
        .map_err(|error| local(&error).unwrap_or(LoginError::Malformed))?;
    Ok((
        array(&finished.message.serialize())?,
        taken(&mut finished.export_key)?,
    ))
}

/// Whether the bytes are a record that a login can use.
pub(crate) fn check_record(record: &[u8; RECORD_LEN]) -> Result<(), LoginError> {
    RegistrationUpload::<Suite>::deserialize(record)
        .map(drop)
        .map_err(|_| LoginError::Malformed)
}

pub(crate) fn ke1<K: Ksf>(
    secret: &[u8],
    rng: &mut impl rand_core::CryptoRng,
) -> Result<(ClientLogin<K>, [u8; KE1_LEN]), LoginError> {
    let started = opaque_ke::ClientLogin::<Suite<K>>::start(&mut Randomness(rng), secret)
        .map_err(|_| LoginError::Computation)?;
    Ok((
        ClientLogin(Box::new(started.state)),
        array(&started.message.serialize())?,
    ))
}

pub(crate) fn ke2(
    setup: &Setup,
    record: &[u8; RECORD_LEN],
    ke1: &[u8],
    identities: Identities<'_>,
    context: &[u8],
    rng: &mut impl rand_core::CryptoRng,
) -> Result<(ServerLogin, [u8; KE2_LEN]), LoginError> {
    let ke1: [u8; KE1_LEN] = sized(ke1)?;
    let ke1 = CredentialRequest::deserialize(&ke1).map_err(|_| LoginError::Malformed)?;
    let record = ServerRegistration::deserialize(record).map_err(|_| LoginError::DamagedRecord)?;
    let parameters = identities.server_parameters(context);
    let started = opaque_ke::ServerLogin::<Suite>::start(
        &mut Randomness(rng),
        &setup.0,
        Some(record),
        ke1,
        identities.credential,
        parameters,
    )
    .map_err(|_| LoginError::Computation)?;
    Ok((
        ServerLogin(started.state),
        array(&started.message.serialize())?,
    ))
}

/// What the client has after a login.
pub(crate) struct Ke3 {
    pub(crate) message: [u8; KE3_LEN],
    pub(crate) session_key: OutputKey,
    pub(crate) export_key: OutputKey,
}

pub(crate) fn ke3<K: Ksf>(
    state: ClientLogin<K>,
    secret: &[u8],
    ke2: &[u8],
    identities: Identities<'_>,
    context: &[u8],
    rng: &mut impl rand_core::CryptoRng,
) -> Result<Ke3, LoginError> {
    let ke2: [u8; KE2_LEN] = sized(ke2).map_err(|_| LoginError::Refused)?;
    let ke2 = CredentialResponse::deserialize(&ke2).map_err(|_| LoginError::Refused)?;
    let ksf = K::default();
    let parameters =
        ClientLoginFinishParameters::new(Some(context), identities.identifiers(), Some(&ksf));
    let mut finished = state
        .0
        .as_ref()
        .clone()
        .finish(&mut Randomness(rng), secret, ke2, parameters)
        .map_err(|error| local(&error).unwrap_or(LoginError::Refused))?;
    Ok(Ke3 {
        message: array(&finished.message.serialize())?,
        session_key: taken(&mut finished.session_key)?,
        export_key: taken(&mut finished.export_key)?,
    })
}

/// The session key, equal to the client's.
pub(crate) fn finish(
    state: ServerLogin,
    ke3: &[u8],
    identities: Identities<'_>,
    context: &[u8],
) -> Result<OutputKey, LoginError> {
    let ke3: [u8; KE3_LEN] = sized(ke3).map_err(|_| LoginError::Refused)?;
    let ke3 = CredentialFinalization::deserialize(&ke3).map_err(|_| LoginError::Refused)?;
    let mut finished = state
        .0
        .finish(ke3, identities.server_parameters(context))
        .map_err(|_| LoginError::Refused)?;
    taken(&mut finished.session_key)
}

/// The one failure that is not the peer's: no memory.
fn local(error: &ProtocolError) -> Option<LoginError> {
    matches!(error, ProtocolError::LibraryError(InternalError::KsfError))
        .then_some(LoginError::Memory)
}

/// Bytes of a peer; the library slices before it looks at lengths, so they are checked here.
fn sized<const N: usize>(bytes: &[u8]) -> Result<[u8; N], LoginError> {
    bytes.try_into().map_err(|_| LoginError::Malformed)
}

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], LoginError> {
    bytes.try_into().map_err(|_| LoginError::Computation)
}

/// Moves a key out of the library's result, which does not wipe it.
fn taken(key: &mut [u8]) -> Result<OutputKey, LoginError> {
    let mut taken = Box::new(Zeroizing::new([0; 64]));
    let fits = key.len() == taken.len();
    if fits {
        taken.copy_from_slice(key);
    }
    key.zeroize();
    fits.then_some(taken).ok_or(LoginError::Computation)
}

/// The caller's randomness for a library that speaks an older generation of the traits.
struct Randomness<'a, R>(&'a mut R);

impl<R: rand_core::CryptoRng> opaque_rand_core::RngCore for Randomness<'_, R> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), opaque_rand_core::Error> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl<R: rand_core::CryptoRng> opaque_rand_core::CryptoRng for Randomness<'_, R> {}

#[cfg(test)]
mod tests;
