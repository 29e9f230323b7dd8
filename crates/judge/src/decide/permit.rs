//! A permit: one verdict's right to one signature.

use wire::model::{Class, Intent};

use crate::account::event::ReservationId;

/// The right to have one text signed once.
///
/// INVARIANT (permit): only [`Judge::decide`](crate::Judge::decide) makes one,
/// and for the gateway's own reads
/// [`Judge::decide_house_read`](crate::Judge::decide_house_read). Its fields
/// are private:
///
/// ```compile_fail,E0451
/// let forged = judge::Permit { parts: unimplemented!() };
/// ```
///
/// It is not `Clone`, and [`Permit::into_parts`] takes it by value, so it
/// signs once:
///
/// ```compile_fail,E0382
/// fn twice(permit: judge::Permit) {
///     let _first = permit.into_parts();
///     let _second = permit.into_parts();
/// }
/// ```
///
/// ```compile_fail,E0599
/// fn copied(permit: judge::Permit) -> (judge::Permit, judge::Permit) {
///     (permit.clone(), permit)
/// }
/// ```
#[derive(Debug)]
#[must_use = "a permit that is dropped leaves its reservation standing"]
pub struct Permit {
    parts: PermitParts,
}

/// What a permit carries, given up by [`Permit::into_parts`].
#[derive(Debug)]
#[non_exhaustive]
pub struct PermitParts {
    /// The bot; empty for the gateway's own reads.
    pub bot: String,
    /// The account group it trades in.
    pub account: String,
    /// The endpoint as the table writes it.
    pub endpoint: &'static str,
    /// The class that was allowed.
    pub class: Class,
    /// The text that was judged: what may be signed.
    pub text: Vec<u8>,
    /// SHA-256 of `text`.
    pub text_digest: [u8; 32],
    /// The exposure held until the outcome is known; every event about this
    /// request names it. None where nothing is held (reads, cancels, tests).
    pub reservation: Option<ReservationId>,
}

impl Permit {
    /// Made by the decision alone, which is why it is private to it.
    pub(super) fn grant(
        facts: &crate::Facts<'_>,
        account: &str,
        reservation: Option<ReservationId>,
    ) -> Self {
        let intent: &Intent = facts.intent;
        Self {
            parts: PermitParts {
                bot: facts.bot.to_owned(),
                account: account.to_owned(),
                endpoint: intent.endpoint,
                class: intent.class,
                text: facts.text.to_vec(),
                text_digest: facts.text_digest,
                reservation,
            },
        }
    }

    /// The exposure held, for the log.
    pub fn reservation(&self) -> Option<ReservationId> {
        self.parts.reservation
    }

    /// The text that may be signed.
    pub fn text(&self) -> &[u8] {
        &self.parts.text
    }

    /// Gives the permit up for what it carries.
    pub fn into_parts(self) -> PermitParts {
        self.parts
    }
}
