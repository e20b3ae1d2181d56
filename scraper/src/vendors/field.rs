//! A JSON field that may be missing, null or of the wrong type without spoiling the rest of its body.
//!
//! serde's derived structs stop a whole body at the first field of an unexpected type. A chain has ten thousand rows,
//! and one bad row must cost one row. So every field of the wire models is a [`Field`]: it reads anything and says
//! what it found. Values of the wrong type are skipped without being kept, however large or deep they are.
//!
//! A row takes the same room however short it is written: ten million empty ones fit into a body and would take gigabytes.
//! So all lists of a body together have [`ROOM`], and one that goes beyond is refused ([`TOO_MUCH`]).

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Bytes that all lists of a body may take once they are read: some 400,000 contracts. The largest real chain has 30,000,
/// the longest series 16,000 bars.
pub const ROOM: usize = 64 << 20;

/// The refusal of a body that goes beyond [`ROOM`].
pub const TOO_MUCH: &str = "there are more values in its lists than any chain or series has";

thread_local! {
    /// What is left of it for the body that this thread is reading. Reading a body does not change the thread.
    static LEFT: Cell<usize> = const { Cell::new(ROOM) };
}

/// Reads one body, whose lists may take so many bytes in all.
pub fn within<T>(room: usize, read: impl FnOnce() -> T) -> T {
    let before = LEFT.replace(room);
    let value = read();
    LEFT.set(before);
    value
}

/// Room for one more item.
fn take<T, E: serde::de::Error>() -> Result<(), E> {
    let left = LEFT.get().checked_sub(size_of::<T>()).ok_or_else(|| E::custom(TOO_MUCH))?;
    LEFT.set(left);
    Ok(())
}

/// What was found where a `T` was expected.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Field<T> {
    /// The key is not there.
    #[default]
    Missing,
    /// `null`.
    Null,
    /// A value of another type; its kind in words.
    Wrong(&'static str),
    /// A `T`.
    Read(T),
}

/// A number of any spelling (`1`, `1.0`); a text such as `"NaN"` reads as the number that is none.
pub type Number = Field<f64>;
/// A text, borrowed from the body where it has no escapes.
pub type Text<'a> = Field<Cow<'a, str>>;
/// true or false.
pub type Flag = Field<bool>;
/// An array.
pub type List<T> = Field<Vec<T>>;
/// An object read as a struct.
pub type Object<T> = Field<Shape<T>>;

/// A struct that is read from a JSON object only, never from an array.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Shape<T>(pub T);

impl<T> Field<T> {
    /// The value, if it is there and of the right type.
    pub fn read(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Missing | Self::Null | Self::Wrong(_) => None,
        }
    }

    /// The value, if it is there and of the right type.
    pub fn into_read(self) -> Option<T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Missing | Self::Null | Self::Wrong(_) => None,
        }
    }

    /// In words, for messages: `missing`, `null`, `a text`, …
    pub fn found(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Null => "null",
            Self::Wrong(kind) => kind,
            Self::Read(_) => "there",
        }
    }

    /// Whether the key is not there at all.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }
}

/// A type that a [`Field`] can hold: which JSON values it accepts. `None` is "the wrong type".
pub trait Readable<'de>: Sized {
    /// From a number.
    fn from_number(_: f64) -> Option<Self> {
        None
    }
    /// From a text that lives as long as the body.
    fn from_borrowed(text: &'de str) -> Option<Self> {
        Self::from_text(text)
    }
    /// From a text that had escapes.
    fn from_text(_: &str) -> Option<Self> {
        None
    }
    /// From true or false.
    fn from_flag(_: bool) -> Option<Self> {
        None
    }
    /// From an array. What is not wanted must still be consumed.
    fn from_array<A: SeqAccess<'de>>(mut array: A) -> Result<Option<Self>, A::Error> {
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }
    /// From an object. What is not wanted must still be consumed.
    fn from_object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

impl Readable<'_> for f64 {
    fn from_number(number: f64) -> Option<Self> {
        Some(number)
    }
    fn from_text(text: &str) -> Option<Self> {
        // Servers that cannot write NaN as JSON write it as a text. It is a number, and a bad one; `"1.5"` is a text.
        matches!(text, "NaN" | "nan" | "Infinity" | "-Infinity" | "inf" | "-inf").then_some(f64::NAN)
    }
}

impl<'de: 'a, 'a> Readable<'de> for Cow<'a, str> {
    fn from_borrowed(text: &'de str) -> Option<Self> {
        Some(Cow::Borrowed(text))
    }
    fn from_text(text: &str) -> Option<Self> {
        Some(Cow::Owned(text.to_owned()))
    }
}

impl Readable<'_> for bool {
    fn from_flag(flag: bool) -> Option<Self> {
        Some(flag)
    }
}

impl<'de, T: Deserialize<'de>> Readable<'de> for Vec<T> {
    fn from_array<A: SeqAccess<'de>>(mut array: A) -> Result<Option<Self>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = array.next_element()? {
            take::<T, A::Error>()?;
            items.push(item);
        }
        Ok(Some(items))
    }
}

impl<'de, T: Deserialize<'de>> Readable<'de> for BTreeMap<String, T> {
    fn from_object<A: MapAccess<'de>>(mut object: A) -> Result<Option<Self>, A::Error> {
        let mut entries = Self::new();
        while let Some((key, value)) = object.next_entry()? {
            // An entry, its key's text, and what the tree needs beside them.
            take::<[(String, T); 2], A::Error>()?;
            entries.insert(key, value);
        }
        Ok(Some(entries))
    }
}

impl<'de, T: Deserialize<'de>> Readable<'de> for Shape<T> {
    fn from_object<A: MapAccess<'de>>(object: A) -> Result<Option<Self>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(|value| Some(Self(value)))
    }
}

impl<'de, T: Readable<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

struct Reader<T>(PhantomData<T>);

fn or_wrong<T>(value: Option<T>, kind: &'static str) -> Field<T> {
    value.map_or(Field::Wrong(kind), Field::Read)
}

impl<'de, T: Readable<'de>> Visitor<'de> for Reader<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_unit<E>(self) -> Result<Field<T>, E> {
        Ok(Field::Null)
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Field<T>, E> {
        Ok(or_wrong(T::from_flag(flag), "true or false"))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Field<T>, E> {
        Ok(or_wrong(T::from_number(number), "a number"))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Field<T>, E> {
        Ok(or_wrong(T::from_number(number as f64), "a number"))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Field<T>, E> {
        Ok(or_wrong(T::from_number(number as f64), "a number"))
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Field<T>, E> {
        Ok(or_wrong(T::from_borrowed(text), "a text"))
    }
    fn visit_str<E>(self, text: &str) -> Result<Field<T>, E> {
        Ok(or_wrong(T::from_text(text), "a text"))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<Field<T>, A::Error> {
        Ok(or_wrong(T::from_array(array)?, "an array"))
    }
    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Field<T>, A::Error> {
        Ok(or_wrong(T::from_object(object)?, "an object"))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Row<'a> {
        price: Number,
        #[serde(borrow)]
        name: Text<'a>,
        flag: Flag,
        list: List<Number>,
    }

    fn row(json: &str) -> Row<'_> {
        let field: Object<Row<'_>> = serde_json::from_str(json).unwrap();
        field.into_read().unwrap().0
    }

    #[test]
    fn the_right_types_are_read() {
        let read = row(r#"{"price":1,"name":"a","flag":true,"list":[1,null,2.5],"unknown":{"deep":[[]]}}"#);
        assert_eq!(read.price, Field::Read(1.0));
        assert!(matches!(read.name, Field::Read(Cow::Borrowed("a"))));
        assert_eq!(read.flag, Field::Read(true));
        assert_eq!(read.list, Field::Read(vec![Field::Read(1.0), Field::Null, Field::Read(2.5)]));
        assert!(matches!(row(r#"{"name":"\u0041"}"#).name, Field::Read(Cow::Owned(name)) if name == "A"));
    }

    #[test]
    fn lists_have_so_much_room_in_all() {
        let read = |room, json: &str| within(room, || serde_json::from_str::<Object<Row<'_>>>(json).map(drop));
        let item = size_of::<Number>();
        let json = r#"{"list":[1,2,3]}"#;
        assert!(read(3 * item, json).is_ok());
        let error = read(3 * item - 1, json).unwrap_err().to_string();
        assert!(error.contains(TOO_MUCH), "{error}");
        assert!(read(3 * item, json).is_ok(), "each body has its own");
    }

    #[test]
    fn anything_else_is_told_and_costs_only_its_field() {
        let read = row(r#"{"price":"1.5","name":[1,{"x":2}],"flag":null}"#);
        assert_eq!(read.price, Field::Wrong("a text"));
        assert_eq!(read.name, Field::Wrong("an array"));
        assert_eq!(read.flag, Field::Null);
        assert_eq!(read.list, Field::Missing);
        assert!(matches!(row(r#"{"price":"NaN"}"#).price, Field::Read(x) if x.is_nan()));
        let array: Object<Row<'_>> = serde_json::from_str("[1,2]").unwrap();
        assert_eq!(array.found(), "an array");
    }
}
