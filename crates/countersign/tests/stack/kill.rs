//! Killing one of the three processes, and waiting until everything works
//! again.

use super::client::Client;
use super::{Bot, Stack, is_running, signal};

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Victim {
    Gateway,
    Signer,
    Supervisor,
}

impl Victim {
    pub const ALL: [Self; 3] = [Self::Gateway, Self::Signer, Self::Supervisor];
}

/// Kills one, and waits until a signed read of this bot passes again.
pub fn kill(stack: &mut Stack, victim: Victim, bot: &Bot) {
    let (gateway, signer) =
        (stack.child("gateway").expect("a gateway"), stack.child("signer").expect("a signer"));
    match victim {
        Victim::Gateway => {
            signal(gateway, "KILL");
            wait_for_other(stack, "gateway", gateway);
            wait_for_other(stack, "signer", signer);
            wait_until_it_works(stack, bot);
        }
        Victim::Signer => {
            signal(signer, "KILL");
            wait_for_other(stack, "signer", signer);
            wait_until_it_works(stack, bot);
            assert_eq!(stack.child("gateway"), Some(gateway), "{}", stack.said());
        }
        Victim::Supervisor => {
            let mut supervisor = stack.serve.take().expect("a supervisor");
            signal(supervisor.id(), "KILL");
            supervisor.wait().expect("its end");
            // INVARIANT (fail closed): nobody runs without the supervisor.
            for orphan in [gateway, signer] {
                stack.wait_for("the end of what the supervisor ran", || {
                    (!is_running(orphan)).then_some(())
                });
            }
            stack.serve();
            wait_until_it_works(stack, bot);
        }
    }
}

fn wait_for_other(stack: &Stack, role: &str, than: u32) {
    stack.wait_for("the process that was started again", || {
        stack.child(role).filter(|process| *process != than)
    });
}

/// Until a signed read passes.
fn wait_until_it_works(stack: &Stack, bot: &Bot) {
    stack.wait_for("an answered read", || {
        let answer =
            Client::new(&stack.bot_url, bot).try_signed("GET", "/api/v3/account", &[]).ok()?;
        (answer.status == 200).then_some(())
    });
}
