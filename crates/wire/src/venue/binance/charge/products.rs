//! In which markets a text could place its orders: one for each product whose
//! endpoints take it.

use crate::model::Product;
use crate::venue::binance::endpoints::{Endpoint, HostGroup};

/// A set of products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Products(u8);

impl Products {
    /// No product.
    pub const NONE: Self = Self(0);

    /// The product of an endpoint that takes orders.
    pub fn of(endpoint: &Endpoint) -> Self {
        Self(bit(product(endpoint)))
    }

    /// These and others.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether each of these is among the others.
    pub const fn is_within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// These, or all products where there is none.
    pub(super) const fn or_all(self) -> Self {
        if self.0 == 0 { Self(u8::MAX) } else { self }
    }

    pub(super) const fn has(self, product: Product) -> bool {
        self.0 & bit(product) != 0
    }

    /// Whether any of them has positions.
    pub(super) const fn futures(self) -> bool {
        self.has(Product::UsdFutures) || self.has(Product::CoinFutures)
    }

    /// Those without spot; USD-M futures where nothing else is left. A batch in
    /// one parameter is known on them alone.
    pub(super) const fn of_batch(self) -> Self {
        let rest = self.0 & !bit(Product::Spot);
        if rest == 0 { Self(bit(Product::UsdFutures)) } else { Self(rest) }
    }

    /// Those of them that could have a market of this symbol, whole or cut: a
    /// COIN-M symbol has `USD_` in it (`BTCUSD_PERP`), an option's a dash
    /// (`BTC-251226-90000-C`), and so then has the symbol that is cut to it.
    pub(super) fn that_know(self, symbol: &str) -> impl Iterator<Item = Product> {
        let coin = symbol.contains("USD_");
        let option = symbol.contains('-');
        Product::ALL.into_iter().filter(move |product| {
            self.has(*product)
                && match product {
                    Product::Spot | Product::UsdFutures => true,
                    Product::CoinFutures => coin,
                    Product::Options => option,
                }
        })
    }
}

const fn bit(product: Product) -> u8 {
    1 << product as u8
}

/// What is traded at an endpoint that takes orders.
fn product(endpoint: &Endpoint) -> Product {
    match endpoint.host_group {
        HostGroup::Api | HostGroup::WsApi => Product::Spot,
        HostGroup::Sapi if endpoint.path.starts_with("/sapi/v1/algo/futures/") => {
            Product::UsdFutures
        }
        // Margin orders rest in the spot book.
        HostGroup::Sapi => Product::Spot,
        HostGroup::Fapi | HostGroup::WsFapi => Product::UsdFutures,
        HostGroup::Dapi | HostGroup::WsDapi => Product::CoinFutures,
        HostGroup::Eapi => Product::Options,
        HostGroup::Papi if endpoint.path.starts_with("/papi/v1/um/") => Product::UsdFutures,
        HostGroup::Papi if endpoint.path.starts_with("/papi/v1/cm/") => Product::CoinFutures,
        HostGroup::Papi => Product::Spot,
    }
}
