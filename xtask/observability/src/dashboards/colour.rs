//! The colours that mean something, under Grafana's names for them, so that both of its themes show them well.

/// What a colour says, everywhere the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// As it should be; status 2xx.
    Green,
    /// Neither good nor bad; status 3xx.
    Blue,
    /// Worth a look in the morning; status 4xx.
    Orange,
    /// It may pass.
    Yellow,
    /// Now; status 5xx.
    Red,
    /// What others are measured by: budgets, limits, objectives.
    Purple,
}

impl Colour {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Blue => "blue",
            Self::Orange => "orange",
            Self::Yellow => "yellow",
            Self::Red => "red",
            Self::Purple => "purple",
        }
    }
}
