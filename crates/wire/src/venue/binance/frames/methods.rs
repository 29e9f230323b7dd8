//! The methods of the WebSocket API, each with the REST endpoint whose table and
//! reading it shares.
//!
//! Source: `binance-sdk-spot` 13.3 and `binance-sdk-derivatives-trading-usds-futures`
//! 18.1, which name both. A method without a twin (sessions, streams, what is
//! withheld) has a row of its own.

use std::sync::LazyLock;

use super::super::endpoints::{self, Endpoint, HostGroup, Surface};
use super::super::listed::{self, Reading, Served};

/// What a method does to the session of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Session {
    /// Logs a key on.
    LogOn,
    /// Asks which key is logged on.
    Status,
    /// Logs it off.
    LogOut,
    /// Lists the subscriptions.
    Subscriptions,
    /// Subscribes the logged-on key to its account's events.
    Subscribe,
    /// The same for the key of the frame.
    SubscribeSigned,
    /// Ends a subscription.
    Unsubscribe,
}

/// Methods that the gateway answers itself.
const SESSION: [(&str, Session); 7] = [
    ("session.logon", Session::LogOn),
    ("session.status", Session::Status),
    ("session.logout", Session::LogOut),
    ("session.subscriptions", Session::Subscriptions),
    ("userDataStream.subscribe", Session::Subscribe),
    ("userDataStream.subscribe.signature", Session::SubscribeSigned),
    ("userDataStream.unsubscribe", Session::Unsubscribe),
];

/// Method, HTTP method, path.
const SPOT: &[(&str, &str, &str)] = &[
    ("order.place", "POST", "/api/v3/order"),
    ("order.test", "POST", "/api/v3/order/test"),
    ("order.cancel", "DELETE", "/api/v3/order"),
    ("order.cancelReplace", "POST", "/api/v3/order/cancelReplace"),
    ("order.amend.keepPriority", "PUT", "/api/v3/order/amend/keepPriority"),
    ("order.status", "GET", "/api/v3/order"),
    ("order.amendments", "GET", "/api/v3/order/amendments"),
    ("openOrders.status", "GET", "/api/v3/openOrders"),
    ("openOrders.cancelAll", "DELETE", "/api/v3/openOrders"),
    ("orderList.place", "POST", "/api/v3/order/oco"),
    ("orderList.place.oco", "POST", "/api/v3/orderList/oco"),
    ("orderList.place.oto", "POST", "/api/v3/orderList/oto"),
    ("orderList.place.otoco", "POST", "/api/v3/orderList/otoco"),
    ("orderList.place.opo", "POST", "/api/v3/orderList/opo"),
    ("orderList.place.opoco", "POST", "/api/v3/orderList/opoco"),
    ("orderList.status", "GET", "/api/v3/orderList"),
    ("orderList.cancel", "DELETE", "/api/v3/orderList"),
    ("openOrderLists.status", "GET", "/api/v3/openOrderList"),
    ("sor.order.place", "POST", "/api/v3/sor/order"),
    ("sor.order.test", "POST", "/api/v3/sor/order/test"),
    ("account.status", "GET", "/api/v3/account"),
    ("account.commission", "GET", "/api/v3/account/commission"),
    ("account.rateLimits.orders", "GET", "/api/v3/rateLimit/order"),
    ("allOrders", "GET", "/api/v3/allOrders"),
    ("allOrderLists", "GET", "/api/v3/allOrderList"),
    ("myTrades", "GET", "/api/v3/myTrades"),
    ("myAllocations", "GET", "/api/v3/myAllocations"),
    ("myPreventedMatches", "GET", "/api/v3/myPreventedMatches"),
    ("myFilters", "GET", "/api/v3/myFilters"),
];

const FUTURES: &[(&str, &str, &str)] = &[
    ("order.place", "POST", "/fapi/v1/order"),
    ("order.modify", "PUT", "/fapi/v1/order"),
    ("order.cancel", "DELETE", "/fapi/v1/order"),
    ("order.status", "GET", "/fapi/v1/order"),
    ("algoOrder.place", "POST", "/fapi/v1/algoOrder"),
    ("algoOrder.cancel", "DELETE", "/fapi/v1/algoOrder"),
    ("account.balance", "GET", "/fapi/v2/balance"),
    ("v2/account.balance", "GET", "/fapi/v3/balance"),
    ("account.position", "GET", "/fapi/v2/positionRisk"),
    ("v2/account.position", "GET", "/fapi/v3/positionRisk"),
    ("account.status", "GET", "/fapi/v2/account"),
    ("v2/account.status", "GET", "/fapi/v3/account"),
];

const PUBLIC_SPOT: &[&str] = &[
    "ping",
    "time",
    "exchangeInfo",
    "executionRules",
    "depth",
    "trades.recent",
    "trades.historical",
    "trades.aggregate",
    "blockTrades.historical",
    "klines",
    "uiKlines",
    "avgPrice",
    "ticker",
    "ticker.24hr",
    "ticker.tradingDay",
    "ticker.price",
    "ticker.book",
    "referencePrice",
    "referencePrice.calculation",
];
const PUBLIC_FUTURES: &[&str] = &["depth", "ticker.price", "ticker.book"];

/// The version that the address of the API names: a method may repeat it.
const fn version(group: HostGroup) -> &'static str {
    match group {
        HostGroup::WsApi => "v3/",
        _ => "v1/",
    }
}

/// The method without the prefix of its API's own version. Another prefix
/// selects another method, and stays.
pub fn method_of(group: HostGroup, method: &str) -> &str {
    method.strip_prefix(version(group)).unwrap_or(method)
}

/// The public method of that name.
pub fn is_public(group: HostGroup, method: &str) -> Option<&'static str> {
    let known = match group {
        HostGroup::WsApi => PUBLIC_SPOT,
        HostGroup::WsFapi => PUBLIC_FUTURES,
        _ => &[],
    };
    let method = method_of(group, method);
    known.iter().find(|known| **known == method).copied()
}

/// The method's row, let through or not; `None` for an unknown one.
pub fn served(group: HostGroup, method: &str) -> Option<&'static Served> {
    let endpoint = endpoints::find(group, "", method_of(group, method))?;
    SERVED.iter().find(|row| row.name == endpoint.name)
}

/// The REST endpoint that a method shares its answer's form with.
pub fn twin(row: &Served) -> Option<&'static Served> {
    let twins = match row.name.split_once(' ')?.0 {
        "ws-api" => SPOT,
        "ws-fapi" => FUTURES,
        _ => return None,
    };
    let (_, method, path) = twins.iter().find(|(method, _, _)| *method == row.path)?;
    listed::known(method, path)
}

/// What the method does to the session.
pub(super) fn session_of(endpoint: &Served) -> Option<Session> {
    if !endpoint.name.starts_with("ws-api ") {
        return None;
    }
    SESSION.iter().find(|(method, _)| *method == endpoint.path).map(|(_, session)| *session)
}

/// Every method that the endpoint table knows.
static SERVED: LazyLock<Vec<Served>> = LazyLock::new(|| {
    let methods = endpoints::all().iter().filter(|one| one.surface == Surface::WebSocket);
    methods.map(row).collect()
});

fn row(endpoint: &'static Endpoint) -> Served {
    let twins = match endpoint.host_group {
        HostGroup::WsApi => SPOT,
        HostGroup::WsFapi => FUTURES,
        _ => &[],
    };
    let twin = twins
        .iter()
        .find(|(method, _, _)| *method == endpoint.path)
        .and_then(|(_, method, path)| listed::known(method, path));
    let (reading, parameters) = match twin {
        Some(twin) => (twin.reading, twin.parameters),
        None => own_reading(endpoint),
    };
    Served {
        name: &endpoint.name,
        method: "",
        path: endpoint.path,
        security: endpoint.security,
        class: endpoint.class,
        effect: endpoint.effect,
        reading,
        parameters,
    }
}

/// Sessions and streams are answered by the gateway; what has neither twin nor
/// answer is refused.
fn own_reading(endpoint: &Endpoint) -> (Reading, &'static [listed::Listed]) {
    let session = SESSION.iter().find(|(method, _)| *method == endpoint.path);
    let listen_key = ["userDataStream.start", "userDataStream.ping", "userDataStream.stop"]
        .contains(&endpoint.path);
    match (endpoint.host_group, session) {
        (HostGroup::WsApi, Some((_, Session::Unsubscribe))) => {
            (Reading::Local, listed::SUBSCRIPTION)
        }
        (HostGroup::WsApi, Some(_)) => (Reading::Local, &[]),
        (HostGroup::WsFapi, _) if listen_key => (Reading::Local, listed::LISTEN_KEY),
        _ => (Reading::Refused, &[]),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "test code")]

    use super::*;
    use crate::model::{Class, Effect};

    /// Both tables were written from what the vendor says of each surface.
    #[test]
    fn a_method_and_its_twin_agree() {
        let mut seen = 0;
        for (group, twins) in [(HostGroup::WsApi, SPOT), (HostGroup::WsFapi, FUTURES)] {
            for (method, http, path) in twins {
                let row = served(group, method).unwrap_or_else(|| panic!("{method}"));
                let twin = listed::known(http, path).unwrap_or_else(|| panic!("{path}"));
                assert_eq!((row.class, row.effect), (twin.class, twin.effect), "{method}");
                let known =
                    endpoints::find(group, "", method).unwrap_or_else(|| panic!("{method}"));
                for rule in known.mandatory.iter().flatten().flatten() {
                    let listed = row.parameter(rule.name).is_some();
                    assert!(listed || rule.name == "apiKey" || !row.is_read(), "{method} {rule:?}");
                }
                for name in &known.optional {
                    assert!(row.parameter(name).is_some() || !row.is_read(), "{method} {name}");
                }
                seen += 1;
            }
        }
        assert_eq!(seen, 41);
    }

    #[test]
    fn every_method_of_the_table_has_a_row() {
        let mut refused = Vec::new();
        for endpoint in endpoints::all().iter().filter(|one| one.surface == Surface::WebSocket) {
            let row = served(endpoint.host_group, endpoint.path)
                .unwrap_or_else(|| panic!("{}", endpoint.name));
            assert_eq!(row.name, endpoint.name);
            if row.reading == Reading::Refused && endpoint.host_group != HostGroup::WsDapi {
                refused.push(row.name);
            }
            assert!(row.effect <= Effect::Order || row.class == Class::AccountAdmin);
        }
        assert_eq!(refused, ["ws-api userDataStream.subscribe.listenToken"]);
    }

    #[test]
    fn a_version_is_the_apis_own_or_another_method() {
        let name = |group, method: &str| served(group, method).map(|row| row.name);
        assert_eq!(name(HostGroup::WsApi, "v3/order.place"), Some("ws-api order.place"));
        assert_eq!(name(HostGroup::WsApi, "v1/order.place"), None);
        assert_eq!(name(HostGroup::WsApi, "v3/v3/order.place"), None);
        assert_eq!(name(HostGroup::WsFapi, "v1/order.place"), Some("ws-fapi order.place"));
        assert_eq!(name(HostGroup::WsFapi, "v2/account.status"), Some("ws-fapi v2/account.status"));
        assert_eq!(name(HostGroup::WsFapi, "v3/account.status"), None);
        assert_eq!(name(HostGroup::WsApi, "Order.place"), None);
        assert_eq!(name(HostGroup::Api, "order.place"), None);
    }
}
