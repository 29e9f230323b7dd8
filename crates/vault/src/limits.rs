//! Every bound of the signer and its files, with their relations asserted at
//! compile time.
//!
//! INVARIANT (bounded): whatever reads outside bytes takes its bound from here.

use wire::limits::SIGNED_TEXT_BYTES;

/// Most messages in one frame, either way.
pub const MESSAGES: usize = 256;
/// Largest frame that the signer reads, bytes after the length.
pub const ASK_FRAME_BYTES: usize = 256 * 1024;
/// Largest frame that the signer writes, bytes after the length. An answer
/// carries the text it was asked plus a receive window and a signature.
pub const ANSWER_FRAME_BYTES: usize = 512 * 1024;
/// Longest signature, bytes: RSA-4096 in base64.
pub const SIGNATURE_BYTES: usize = 684;
/// Most texts of one connection that wait for a signature that takes long
/// (RSA): one more is refused, and may be asked again.
pub const SLOW_WAITING: usize = 64;
/// Largest frame on the control connection, bytes after the length.
pub const CONTROL_FRAME_BYTES: usize = 128 * 1024;
/// Longest signed note (a checkpoint), bytes.
pub const NOTE_BYTES: usize = 8 * 1024;
/// Longest log origin, bytes.
pub const ORIGIN_BYTES: usize = 256;
/// Most hashes in a consistency proof: a tree of 2^63 leaves needs no more.
pub const PROOF_HASHES: usize = 64;
/// Most grants beside one text.
pub const GRANTS: usize = 16;
/// Longest grant, bytes.
pub const GRANT_BYTES: usize = 4 * 1024;
/// Longest change of a ceiling, bytes: both ceilings in words.
pub const CHANGE_BYTES: usize = 40 * 1024;
/// Longest signature under a change, bytes of PEM: ecdsa with P-521 has 700.
pub const CHANGE_SIGNATURE_BYTES: usize = 2 * 1024;
/// How long an approval lives at most, ms: 7 days. So the list of those that
/// were used is bounded.
pub const GRANT_LIFE_MS: u64 = 7 * 24 * 3_600_000;
/// How far ahead of the signer's clock an approval may have been issued, ms.
pub const GRANT_AHEAD_MS: u64 = 60_000;
/// Most approvals, used or waiting, that the signer keeps until they expire;
/// over that no other is taken.
pub const GRANTS_KEPT: usize = 4096;
/// Longest line of an approver's public key, bytes: ecdsa with P-521 has 230, an
/// application's name beside a hardware key is short.
pub const APPROVER_KEY_BYTES: usize = 512;
/// Most bots that one approver is sealed as the owner of.
pub const OWNED: usize = 64;
/// The longest delay that a ceiling with one person may set, ms: a day.
pub const APPROVAL_DELAY_MS: u64 = 24 * 3_600_000;
/// The delay where none is set, ms: 10 minutes.
pub const APPROVAL_DELAY_DEFAULT_MS: u64 = 10 * 60_000;
/// Most keys in one vault.
pub const KEYS: usize = 64;
/// Longest name of a key or an account, bytes.
pub const NAME_BYTES: usize = 64;
/// Longest public key id of a venue, bytes.
pub const API_KEY_BYTES: usize = 128;
/// Longest secret of a venue key, bytes (an RSA key in PEM needs about 3 200).
pub const SECRET_BYTES: usize = 8 * 1024;
/// Longest message that an answer carries for a person, bytes.
pub const DETAIL_BYTES: usize = 1024;
/// Longest description of a ceiling, bytes.
pub const SUMMARY_BYTES: usize = 4 * 1024;
/// Longest sealed ceiling, bytes.
pub const CEILING_BYTES: usize = 64 * 1024;
/// Most markets in one ceiling.
pub const MARKETS: usize = 512;
/// Most assets with a value-out rule in one ceiling.
pub const ASSETS: usize = 64;
/// Most listed destinations of one asset.
pub const DESTINATIONS: usize = 64;
/// Most endpoints that one ceiling allows by name.
pub const ALLOWANCES: usize = 64;
/// Most approver keys in one ceiling.
pub const APPROVERS: usize = 32;
/// Longest sealed file, bytes.
pub const SEALED_FILE_BYTES: usize = 128 * 1024;
/// Longest passphrase, bytes.
pub const PASSPHRASE_BYTES: usize = 1024;
/// Most connections open at once.
pub const CONNECTIONS: usize = 64;

const _: () = assert!(ASK_FRAME_BYTES > SIGNED_TEXT_BYTES + GRANTS * GRANT_BYTES + 64);
const _: () = assert!(ANSWER_FRAME_BYTES >= ASK_FRAME_BYTES + MESSAGES * (SIGNATURE_BYTES + 128));
const _: () = assert!(
    ANSWER_FRAME_BYTES
        >= KEYS
            * ((2 + APPROVERS) * (NAME_BYTES + 4)
                + API_KEY_BYTES
                + SUMMARY_BYTES
                + DETAIL_BYTES
                + 128)
);
const _: () = assert!(CONTROL_FRAME_BYTES >= SECRET_BYTES + CEILING_BYTES + 4 * 1024);
const _: () = assert!(
    CONTROL_FRAME_BYTES >= CHANGE_BYTES + GRANTS * (CHANGE_SIGNATURE_BYTES + 4) + NAME_BYTES + 64
);
const _: () = assert!(SEALED_FILE_BYTES >= SECRET_BYTES + CEILING_BYTES + 4 * 1024);
