//! The colors of panels, by Grafana's names.
//!
//! Named colors suit both the light and the dark theme of Grafana.

/// A color with the same meaning in all panels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// Normal; status 2xx.
    Green,
    /// Neutral; status 3xx.
    Blue,
    /// Not urgent; status 4xx.
    Orange,
    /// Possibly transient.
    Yellow,
    /// Urgent; status 5xx.
    Red,
    /// A reference value: a budget, a limit, an objective.
    Purple,
}

impl Color {
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
