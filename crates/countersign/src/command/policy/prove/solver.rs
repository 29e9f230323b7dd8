//! Properties as logic: whatever a bot's policies allow, the property must
//! allow too. cvc5 decides it for every request at once.

use cedar_policy::{Authorizer, Decision, EntityUid, PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicySet};
use judge::policy::compile::SCHEMA;
use judge::policy::preset::destination_id;

use super::property::Property;
use super::{Counterexample, Rules};
use crate::failure::Failure;

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::negative(format!("the proof cannot be made: {error}"))
        .next("`apt-get install cvc5` installs the solver; CVC5 names it where it is elsewhere")
}

/// One counterexample of each bot that has one.
pub(super) fn refute(
    property: &Property,
    rules: &[Rules<'_>],
) -> Result<Vec<Counterexample>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(failed)?.block_on(async {
        let mut found = Vec::new();
        for rules in rules {
            found.extend(refute_one(property, rules).await?);
        }
        Ok(found)
    })
}

async fn refute_one(
    property: &Property,
    rules: &Rules<'_>,
) -> Result<Option<Counterexample>, Failure> {
    let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(failed)?;
    let allowed: PolicySet = rules.cedar.parse().map_err(failed)?;
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::misuse(format!("property `{}` is wrong: {error}", property.name))
            .next("docs/policy-tools.md has the form")
    };
    let wanted: PolicySet = permitted(property, rules).parse().map_err(|error| wrong(&error))?;
    let action: EntityUid =
        format!("Action::{:?}", property.action).parse().map_err(|error| wrong(&error))?;
    let solver =
        LocalSolver::cvc5().map_err(|error| failed(format!("cvc5 cannot be started: {error}")))?;
    let mut compiler = CedarSymCompiler::new(solver).map_err(failed)?;
    let mut known = false;
    for env in schema.request_envs().filter(|env: &RequestEnv| *env.action() == action) {
        known = true;
        let allowed_here = CompiledPolicySet::compile(&allowed, &env, &schema).map_err(failed)?;
        let wanted =
            CompiledPolicySet::compile(&wanted, &env, &schema).map_err(|error| wrong(&error))?;
        let found = compiler
            .check_implies_with_counterexample_opt(&allowed_here, &wanted)
            .await
            .map_err(failed)?;
        let Some(found) = found else { continue };
        // The solver's word is checked by the authorizer.
        let answer = Authorizer::new().is_authorized(&found.request, &allowed, &found.entities);
        if answer.decision() != Decision::Allow {
            return Err(failed("the solver's counterexample is none"));
        }
        let uid = |uid: Option<&EntityUid>| {
            uid.map_or_else(|| "?".to_owned(), |uid| uid.id().unescaped().to_owned())
        };
        let context = found.request.context().map(|context| {
            let value = |name: &str| context.get(name).map(|value| value.to_string());
            let names = context.clone().into_iter().map(|(name, _)| name);
            names.filter_map(|name| Some((value(&name)?, name))).map(|(v, n)| (n, v)).collect()
        });
        let mut policies: Vec<String> =
            answer.diagnostics().reason().filter_map(|id| id_of(&allowed, id)).collect();
        policies.sort();
        return Ok(Some(Counterexample {
            bot: rules.bot.name.clone(),
            action: property.action.clone(),
            resource: uid(found.request.resource()),
            context: context.unwrap_or_default(),
            allowed_by: policies,
        }));
    }
    if known { Ok(None) } else { Err(wrong(&"the schema has no such action")) }
}

/// The name that a policy's text gives it.
fn id_of(policies: &PolicySet, id: &cedar_policy::PolicyId) -> Option<String> {
    let policy = policies.policy(id)?;
    Some(policy.annotation("id").map_or_else(|| id.to_string(), str::to_owned))
}

/// What the property permits, as policies: everything but what it forbids.
fn permitted(property: &Property, rules: &Rules<'_>) -> String {
    let mut forbidden = vec![
        format!("principal == Bot::{:?}", rules.bot.name),
        format!("action == Action::{:?}", property.action),
    ];
    forbidden.extend(known(&property.action, rules));
    if let Some(when) = &property.when {
        forbidden.push(format!("({when})"));
    }
    if property.above_max_order
        && let Some(limit) = rules.bot.max_order_notional
        && let Some(micro) = limit.checked_mul(rust_decimal::Decimal::from(1_000_000))
    {
        forbidden.push(format!("context.order_micro_usd > {}", micro.trunc().normalize()));
    }
    let mut except = Vec::new();
    if let Some(unless) = &property.unless {
        except.push(format!("({unless})"));
    }
    if property.unless_listed {
        except.extend(destinations(rules));
    }
    if !except.is_empty() {
        forbidden.push(format!("!({})", except.join(" || ")));
    }
    format!("permit (principal, action, resource) unless {{ {} }};", forbidden.join(" && "))
}

fn destinations<'a>(rules: &'a Rules<'_>) -> impl Iterator<Item = String> + 'a {
    let to = rules.bot.withdraw.iter();
    to.map(|to| format!("resource == Destination::{:?}", destination_id(to)))
}

/// What the judge makes sure of in every request of an action: the schema
/// cannot say it, and without it a counterexample would be no request.
fn known(action: &str, rules: &Rules<'_>) -> Vec<String> {
    let mut known =
        vec!["context.minute_of_day >= 0".to_owned(), "context.minute_of_day < 1440".to_owned()];
    match action {
        "withdraw" => {
            let listed: Vec<String> = destinations(rules).collect();
            let listed = if listed.is_empty() { "false".to_owned() } else { listed.join(" || ") };
            known.push(format!("context.listed == ({listed})"));
            known.push("context.amount_millionths > 0".to_owned());
            known.push("context.day_millionths >= context.amount_millionths".to_owned());
        }
        "place" | "test-order" | "cancel-replace" => {
            known.push("context.order_micro_usd >= 0".to_owned());
            known.push("context.order_count >= 1".to_owned());
        }
        _ => {}
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;
    use judge::BotPolicy;

    const TREASURY: &str = r#"account = "main"
        preset = "treasury"
        withdraw = [{ asset = "USDT", network = "ETH", address = "0xa",
            max_per_request = "1000", max_per_day = "5000" }]"#;

    /// The first property of all, of a bot with additional policies.
    fn refuted(property: &Property, extra: &str) -> Option<Counterexample> {
        let mut bot: BotPolicy = toml::from_str(TREASURY).unwrap();
        bot.name = "out".to_owned();
        let set = judge::PolicySet::compile(std::slice::from_ref(&bot), extra).unwrap();
        let cedar = format!("{}\n{extra}", set.cedar_text("out").unwrap());
        refute(property, &[Rules { bot: &bot, cedar }]).unwrap().pop()
    }

    fn has_solver() -> bool {
        let found = LocalSolver::cvc5().is_ok();
        if !found {
            eprintln!("skipped: cvc5 is not installed");
        }
        found
    }

    #[tokio::test]
    async fn what_holds_is_proved_and_what_does_not_has_a_counterexample() {
        if !has_solver() {
            return;
        }
        tokio::task::spawn_blocking(|| {
            let [_, listed, _] = &Property::every_configuration()[..] else { panic!() };
            assert!(refuted(listed, "").is_none());
            let mut small = listed.clone();
            small.unless_listed = false;
            small.when = Some("context.amount_millionths > 500000000".to_owned());
            let found = refuted(&small, "").unwrap();
            assert_eq!(found.resource, "USDT/ETH/0xa");
            let amount = found.context.iter().find(|(name, _)| name == "amount_millionths");
            let amount: i64 = amount.unwrap().1.parse().unwrap();
            assert!((500_000_001..=1_000_000_000).contains(&amount), "{amount}");
            // Forbidden beside, it holds.
            let forbid = "@reason(\"small\") forbid (principal, action == Action::\"withdraw\", \
                resource) when { context.amount_millionths > 500000000 };";
            assert!(refuted(&small, forbid).is_none());
        })
        .await
        .unwrap();
    }
}
