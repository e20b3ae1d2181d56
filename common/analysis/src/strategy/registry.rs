//! What one registration line makes: the module, what the list says of the strategy, its table in the configuration, its place
//! among the others.

/// `name: Settings,` for each strategy, in the order in which they are asked. `name` is the module (a file beside this
/// one, with its `CARD`), the table `[strategies.name]`, and the word in funnel and records; `Settings` is the table's type,
/// with the fields `enabled` and `dte`, and the strategy itself.
macro_rules! strategies {
    ($($name:ident: $settings:ident,)+) => {
        $(pub mod $name;)+

        $(
            impl Listed for $name::$settings {
                fn card(&self) -> &'static Card {
                    &$name::CARD
                }

                fn enabled(&self) -> bool {
                    self.enabled
                }

                fn dte(&self) -> [i32; 2] {
                    self.dte
                }
            }
        )+

        /// One table a strategy, named like it.
        #[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Strategies {
            $(
                #[doc = concat!("`[strategies.", stringify!($name), "]`")]
                pub $name: $name::$settings,
            )+
        }

        const COUNT: usize = [$(stringify!($name)),+].len();

        impl Strategies {
            /// Every strategy with its settings, in the order in which they are asked.
            #[must_use]
            pub fn each(&self) -> [&dyn Strategy; COUNT] {
                [$(&self.$name),+]
            }
        }

        /// What each strategy is, in the order in which they are asked.
        #[must_use]
        pub fn cards() -> [&'static Card; COUNT] {
            [$(&$name::CARD),+]
        }

        /// `strategy:<name>` of a strategy there is.
        #[must_use]
        pub fn place_text(name: &str) -> Option<&'static str> {
            $(
                if name == stringify!($name) {
                    return Some(concat!("strategy:", stringify!($name)));
                }
            )+
            None
        }
    };
}
