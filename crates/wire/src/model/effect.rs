//! How dangerous a request is, and what a venue key may do.

/// What a text could do at the venue, in rising order of danger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Reads something.
    Read,
    /// Takes resting orders away.
    Cancel,
    /// Flips a setting that moves no value and widens no right: a short,
    /// reviewed list.
    HarmlessSetting,
    /// Places or amends an order.
    Order,
    /// Borrows, or turns an order into a loan.
    Borrow,
    /// Moves value between accounts of the same owner, or converts it.
    Transfer,
    /// Creates, changes or widens keys, accounts and settings.
    KeyAdministration,
    /// Moves value out of the venue.
    ValueOut,
}

impl Effect {
    /// The name that logs, tables and messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Cancel => "cancel",
            Self::HarmlessSetting => "harmless-setting",
            Self::Order => "order",
            Self::Borrow => "borrow",
            Self::Transfer => "transfer",
            Self::KeyAdministration => "key-administration",
            Self::ValueOut => "value-out",
        }
    }

    /// The effect of that name, as the endpoint table writes it.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Read,
            Self::Cancel,
            Self::HarmlessSetting,
            Self::Order,
            Self::Borrow,
            Self::Transfer,
            Self::KeyAdministration,
            Self::ValueOut,
        ]
        .into_iter()
        .find(|effect| effect.name() == name)
    }
}

/// What kind of thing an endpoint does, as policy and log name it.
///
/// Finer than [`Effect`]: policy tells a test order from an order, the signer
/// does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// Reads public or account data.
    Read,
    /// Reads something that is itself a secret or a capability.
    SecretBearingRead,
    /// Places one or more orders.
    Place,
    /// Checks an order at the venue without placing it.
    TestOrder,
    /// Changes a resting order.
    Amend,
    /// Cancels one order or one order list.
    Cancel,
    /// Cancels every order of a market.
    CancelAll,
    /// Cancels one order and places another.
    CancelReplace,
    /// Moves value inside one account.
    OwnTransfer,
    /// Adds margin to a position.
    AddMargin,
    /// Repays a loan.
    Repay,
    /// Moves value to another account or user of the venue.
    Transfer,
    /// Moves value out of the venue.
    Withdraw,
    /// Takes a loan.
    Borrow,
    /// Converts one asset to another outside the order book.
    Convert,
    /// Subscribes to or redeems from a product.
    Earn,
    /// Mints a token for a private stream.
    StreamKey,
    /// Sets the leverage of a market: raising it adds risk, lowering it does
    /// not; the request does not say which.
    SetLeverage,
    /// Changes account settings.
    AccountAdmin,
    /// Changes keys.
    KeyAdmin,
}

impl Class {
    /// Every class, in the order of declaration.
    pub const ALL: [Self; 20] = [
        Self::Read,
        Self::SecretBearingRead,
        Self::Place,
        Self::TestOrder,
        Self::Amend,
        Self::Cancel,
        Self::CancelAll,
        Self::CancelReplace,
        Self::OwnTransfer,
        Self::AddMargin,
        Self::Repay,
        Self::Transfer,
        Self::Withdraw,
        Self::Borrow,
        Self::Convert,
        Self::Earn,
        Self::StreamKey,
        Self::SetLeverage,
        Self::AccountAdmin,
        Self::KeyAdmin,
    ];

    /// The name that tables, policies, logs and messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::SecretBearingRead => "secret-bearing-read",
            Self::Place => "place",
            Self::TestOrder => "test-order",
            Self::Amend => "amend",
            Self::Cancel => "cancel",
            Self::CancelAll => "cancel-all",
            Self::CancelReplace => "cancel-replace",
            Self::OwnTransfer => "own-transfer",
            Self::AddMargin => "add-margin",
            Self::Repay => "repay",
            Self::Transfer => "transfer",
            Self::Withdraw => "withdraw",
            Self::Borrow => "borrow",
            Self::Convert => "convert",
            Self::Earn => "earn",
            Self::StreamKey => "stream-key",
            Self::SetLeverage => "set-leverage",
            Self::AccountAdmin => "account-admin",
            Self::KeyAdmin => "key-admin",
        }
    }

    /// The class of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Whether a bot whose rights are reading and spot trading may ever do
    /// this; everything else moves value or changes accounts.
    pub const fn is_trading(self) -> bool {
        matches!(
            self,
            Self::Place
                | Self::TestOrder
                | Self::Amend
                | Self::Cancel
                | Self::CancelAll
                | Self::CancelReplace
        )
    }

    /// Whether value could leave the account's owner through this.
    pub const fn moves_value_out(self) -> bool {
        matches!(self, Self::Withdraw | Self::Transfer)
    }
}

/// A right that a venue grants to an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Right {
    /// Any valid key.
    None,
    /// Reading account data.
    Reading,
    /// Spot and margin orders.
    SpotMarginTrading,
    /// Margin loan, repay and transfer.
    Margin,
    /// Futures orders and settings.
    Futures,
    /// Withdrawals out of the venue.
    Withdrawals,
    /// Transfers to other users of the venue.
    InternalTransfer,
    /// Universal transfer between own accounts.
    UniversalTransfer,
    /// European options.
    VanillaOptions,
    /// Portfolio margin.
    PortfolioMargin,
    /// Only the account kind (master, broker) decides, not the key: never
    /// lacking.
    Master,
    /// No source ties the endpoint to a right: never lacking.
    Unknown,
    /// Orders and trading settings of every kind, at a venue that has one right
    /// for them. (Last, since sealed rights keep their bits.)
    Trading,
}

impl Right {
    /// The name that the endpoint table uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Reading => "reading",
            Self::SpotMarginTrading => "spot-margin-trading",
            Self::Margin => "margin",
            Self::Futures => "futures",
            Self::Withdrawals => "withdrawals",
            Self::InternalTransfer => "internal-transfer",
            Self::UniversalTransfer => "universal-transfer",
            Self::VanillaOptions => "vanilla-options",
            Self::PortfolioMargin => "portfolio-margin",
            Self::Master => "master",
            Self::Unknown => "unknown",
            Self::Trading => "trading",
        }
    }

    /// Every right.
    pub const ALL: [Self; 13] = [
        Self::None,
        Self::Reading,
        Self::SpotMarginTrading,
        Self::Margin,
        Self::Futures,
        Self::Withdrawals,
        Self::InternalTransfer,
        Self::UniversalTransfer,
        Self::VanillaOptions,
        Self::PortfolioMargin,
        Self::Master,
        Self::Unknown,
        Self::Trading,
    ];

    /// The right of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.name() == name)
    }
}

/// The rights of one venue key, as the venue stated them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rights(u16);

impl Rights {
    /// No right beyond what any valid key may do.
    pub const NONE: Self = Self(0);
    /// Every right: assumed where the venue cannot tell.
    pub const ALL: Self = Self(u16::MAX);

    const fn bit(right: Right) -> u16 {
        1 << right as u16
    }

    /// These rights and one more.
    #[must_use]
    pub const fn with(self, right: Right) -> Self {
        Self(self.0 | Self::bit(right))
    }

    /// The rights that either has.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the key may do what this right allows. `None`, `Master` and
    /// `Unknown` are never lacking: no key right decides them.
    pub const fn has(self, right: Right) -> bool {
        match right {
            Right::None | Right::Master | Right::Unknown => true,
            _ => self.0 & Self::bit(right) != 0,
        }
    }

    /// Whether each of these rights is among the other's.
    pub const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The rights as a bit set, for sealing.
    pub const fn to_bits(self) -> u16 {
        self.0
    }

    /// Rights from a sealed bit set.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The rights by name, without the three that no key lacks.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Right::ALL
            .into_iter()
            .filter(move |right| {
                !matches!(right, Right::None | Right::Master | Right::Unknown) && self.has(*right)
            })
            .map(Right::name)
    }
}

impl std::fmt::Debug for Rights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
