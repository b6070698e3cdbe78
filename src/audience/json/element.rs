//! One element of a JSON list as a value. Of two members with one name, a parser takes either or
//! the last (RFC 8259, section 4); which address was meant nobody knows, so that is found.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// What stands in the text, and the first key that an object in it has twice.
pub(super) fn read(json: &[u8]) -> (Value, Option<String>) {
    let mut twice = None;
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value = Strict { twice: &mut twice }
        .deserialize(&mut reader)
        .expect("the scanner has seen that it is JSON");
    (value, twice)
}

struct Strict<'a> {
    twice: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, yes: bool) -> Result<Value, E> {
        Ok(Value::Bool(yes))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        let number = Number::from_f64(number);
        Ok(Value::Number(number.expect("JSON has finite numbers only")))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(value) = items.next_element_seed(Strict { twice: self.twice })? {
            array.push(value);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let value = members.next_value_seed(Strict { twice: self.twice })?;
            if object.contains_key(&key) && self.twice.is_none() {
                *self.twice = Some(key.clone());
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}
