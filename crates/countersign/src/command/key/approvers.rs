//! Who may approve, and what: the arguments for approvals.

use std::path::Path;

use vault::ceiling::{Approvals, ApprovedCeiling, Approver};
use vault::grant::ApproverKey;

use crate::command::destination::{self, Listed};
use crate::failure::Failure;

/// Longest file of a public key, bytes.
const KEY_FILE_BYTES: usize = 4096;

/// Arguments for approvals.
#[derive(clap::Args, Debug, Default)]
pub(super) struct ApprovalArguments {
    /// Who may approve withdrawals over --max-per-request, with which SSH key: a `.pub` file or
    /// its line; repeat for more
    #[arg(long = "approver", value_name = "PERSON=KEY")]
    approvers: Vec<String>,
    /// A bot that an approver runs, and so cannot approve for; repeat for more
    #[arg(long, value_name = "PERSON=BOT")]
    approver_owns: Vec<String>,
    /// How many persons have to approve (default: 2)
    #[arg(long, value_name = "COUNT")]
    quorum: Option<u16>,
    /// Where one person approves alone, with two keys: how long it waits after both, minutes
    #[arg(long, value_name = "MINUTES")]
    approval_delay: Option<u64>,
    /// Most of an asset that is withdrawn at once with approval; repeat for more
    #[arg(long, value_name = "ASSET=AMOUNT")]
    approved_max_per_request: Vec<String>,
    /// Most of an asset that is withdrawn in 24 h with approval; repeat for more
    #[arg(long, value_name = "ASSET=AMOUNT")]
    approved_max_per_day: Vec<String>,
}

impl ApprovalArguments {
    /// Whether anything of approvals was said.
    pub(super) fn is_any(&self) -> bool {
        let lists = [
            &self.approvers,
            &self.approver_owns,
            &self.approved_max_per_request,
            &self.approved_max_per_day,
        ];
        lists.iter().any(|list| !list.is_empty())
            || self.quorum.is_some()
            || self.approval_delay.is_some()
    }

    /// The approvers; none where nobody was named.
    ///
    /// # Errors
    /// Misuse that names the argument.
    pub(super) fn approvals(&self) -> Result<Option<Approvals>, Failure> {
        if !self.is_any() {
            return Ok(None);
        }
        if self.approvers.is_empty() {
            return Err(Failure::misuse("approvals need approvers")
                .next("name them, for example --approver alice=alice.pub"));
        }
        let mut approvers: Vec<Approver> =
            self.approvers.iter().map(|text| approver(text)).collect::<Result<_, _>>()?;
        for text in &self.approver_owns {
            let (person, bot) = pair(text, "--approver-owns", "alice=treasury")?;
            let mut theirs = approvers.iter_mut().filter(|one| one.name == person);
            let Some(first) = theirs.next() else {
                return Err(Failure::misuse(format!("`{person}` owns a bot but is no approver"))
                    .next("leave it out, or name their key with --approver"));
            };
            first.owns.push(bot.to_owned());
        }
        let mut approvals = Approvals::usual(approvers);
        if let Some(quorum) = self.quorum {
            approvals.quorum = quorum;
        }
        if let Some(minutes) = self.approval_delay {
            approvals.delay_ms = minutes.saturating_mul(60_000);
        }
        Ok(Some(approvals))
    }

    /// The second tier of each listed asset.
    ///
    /// # Errors
    /// Misuse that names the argument.
    pub(super) fn tiers(
        &self,
        listed: &[Listed],
    ) -> Result<Vec<(String, ApprovedCeiling)>, Failure> {
        const REQUEST: &str = "--approved-max-per-request";
        const DAY: &str = "--approved-max-per-day";
        let requests = destination::caps(&self.approved_max_per_request, REQUEST)?;
        let days = destination::caps(&self.approved_max_per_day, DAY)?;
        let lonely = days.iter().find(|(asset, _)| !requests.iter().any(|(one, _)| one == asset));
        if let Some((asset, _)) = lonely {
            return Err(
                Failure::misuse(format!("{asset} has {DAY} but no {REQUEST}")).next("give both")
            );
        }
        let mut tiers = Vec::with_capacity(requests.len());
        for (asset, per_request) in requests {
            let day = days.iter().find(|(one, _)| *one == asset).map(|(_, day)| *day);
            let Some(per_day) = day else {
                return Err(Failure::misuse(format!("{asset} has {REQUEST} but no {DAY}"))
                    .next("give both"));
            };
            if !listed.iter().any(|one| one.asset == asset) {
                return Err(Failure::misuse(format!("{REQUEST}: {asset} may go nowhere"))
                    .next(format!("list where {asset} may go with --destination")));
            }
            tiers.push((asset, ApprovedCeiling { per_request, per_day }));
        }
        Ok(tiers)
    }
}

fn pair<'a>(text: &'a str, name: &str, example: &str) -> Result<(&'a str, &'a str), Failure> {
    match text.split_once('=') {
        Some((person, rest)) if !person.is_empty() && !rest.is_empty() => Ok((person, rest)),
        _ => Err(Failure::misuse(format!("{name} `{text}`: two parts are needed"))
            .next(format!("write it as in {name} {example}"))),
    }
}

fn approver(text: &str) -> Result<Approver, Failure> {
    let (name, key) = pair(text, "--approver", "alice=alice.pub")?;
    // A line has its kind in front of the key; a file's name with a space in it
    // can be moved.
    let line = if key.contains(' ') { key.to_owned() } else { read(Path::new(key))? };
    let key = ApproverKey::parse(&line)
        .map_err(|error| Failure::misuse(format!("the key of approver `{name}`: {error}")))?;
    Ok(Approver { name: name.to_owned(), key, owns: Vec::new() })
}

fn read(path: &Path) -> Result<String, Failure> {
    use std::io::Read as _;
    let failed = |error| Failure::file("read", path, error);
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut content = String::new();
    file.take(KEY_FILE_BYTES as u64).read_to_string(&mut content).map_err(failed)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::model::Decimal;

    const ALICE: &str = "alice=ssh-ed25519 \
        AAAAC3NzaC1lZDI1NTE5AAAAIIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c a@b";
    const BOB: &str = "bob=ssh-ed25519 \
        AAAAC3NzaC1lZDI1NTE5AAAAIIE5dw6oftbeJSPf2jl2nNQV+TlicPQFPHohf36ITnQ4";

    fn arguments(approvers: &[&str]) -> ApprovalArguments {
        let approvers = approvers.iter().map(|text| (*text).to_owned()).collect();
        ApprovalArguments { approvers, ..ApprovalArguments::default() }
    }

    #[test]
    fn two_of_those_named_unless_said_otherwise() {
        assert_eq!(arguments(&[]).approvals().unwrap(), None);
        let mut two = arguments(&[ALICE, BOB]);
        two.approver_owns = vec!["bob=treasury".to_owned()];
        let approvals = two.approvals().unwrap().unwrap();
        assert_eq!((approvals.quorum, approvals.delay_ms), (2, 0));
        assert!(approvals.is_own("bob", "treasury") && !approvals.is_own("alice", "treasury"));
        two.quorum = Some(1);
        assert_eq!(two.approvals().unwrap().unwrap().quorum, 1);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (approvers, says) in [
            (&["alice"][..], "two parts"),
            (&["alice="], "two parts"),
            (&["alice=/nowhere/a.pub"], "/nowhere/a.pub"),
            (&["alice=ssh-ed25519 AAAA"], "not a public key"),
        ] {
            let error = arguments(approvers).approvals().unwrap_err().to_string();
            assert!(error.contains(says), "{approvers:?}: {error}");
        }
        let mut nobody = arguments(&[]);
        nobody.quorum = Some(2);
        assert!(nobody.approvals().unwrap_err().to_string().contains("need approvers"));
        let mut stranger = arguments(&[ALICE, BOB]);
        stranger.approver_owns = vec!["carol=mm".to_owned()];
        assert!(stranger.approvals().unwrap_err().to_string().contains("is no approver"));
    }

    #[test]
    fn a_second_tier_needs_both_caps_and_a_destination() {
        let listed = destination::read(
            &["USDT:ETH:0xaa".to_owned()],
            &["USDT=1".to_owned()],
            &["USDT=2".to_owned()],
            destination::CapNames { per_request: "r", per_day: "d" },
        )
        .unwrap();
        let tiers = |request: &[&str], day: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
            let arguments = ApprovalArguments {
                approved_max_per_request: owned(request),
                approved_max_per_day: owned(day),
                ..ApprovalArguments::default()
            };
            arguments.tiers(&listed).map_err(|failure| failure.to_string())
        };
        let good = tiers(&["USDT=10"], &["USDT=20"]).unwrap();
        assert_eq!((good[0].1.per_request, good[0].1.per_day), (Decimal::TEN, Decimal::from(20)));
        assert!(tiers(&["USDT=10"], &[]).unwrap_err().contains("but no --approved-max-per-day"));
        assert!(tiers(&[], &["USDT=10"]).unwrap_err().contains("no --approved-max-per-request"));
        assert!(tiers(&["BTC=1"], &["BTC=1"]).unwrap_err().contains("may go nowhere"));
    }
}
