//! `if`, `unless`, `each` and `with`, as handlebars has them, with two differences: the tags that
//! a message goes through are counted, so that no loop is without an end, and a value's own `data`
//! is not hidden by the data of the run.

use handlebars::template::{Template as Ast, TemplateElement};
use handlebars::{
    BlockContext, BlockParamHolder, BlockParams, Context, Handlebars, Helper, HelperDef,
    HelperResult, JsonTruthy, Output, PathAndJson, RenderContext, RenderError, Renderable,
};
use serde_json::Value;

use super::{stage, value};
use crate::compose::values::DATA;

/// `{{#if plan}}…{{else}}…{{/if}}`, and `unless` where `wanted` is false.
pub(super) struct If {
    pub(super) wanted: bool,
}

impl HelperDef for If {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let condition = value(helper, 0, "if")?.value();
        let include_zero = helper.hash_get("includeZero");
        let include_zero = include_zero.and_then(|it| it.value().as_bool());
        let holds = condition.is_truthy(include_zero.unwrap_or(false));
        let chosen = if holds == self.wanted {
            helper.template()
        } else {
            helper.inverse()
        };
        let Some(chosen) = chosen else {
            return Ok(());
        };
        stage::spend(tags(chosen, registry, 0))?;
        chosen.render(registry, context, state, out)
    }
}

/// `{{#each orders}}…{{else}}…{{/each}}`.
pub(super) struct Each;

impl HelperDef for Each {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let over = value(helper, 0, "each")?;
        let Some(body) = helper.template() else {
            return Ok(());
        };
        let items: Box<dyn Iterator<Item = (Option<&String>, &Value)>> = match over.value() {
            Value::Array(list) => Box::new(list.iter().map(|item| (None, item))),
            Value::Object(group) => Box::new(group.iter().map(|(key, item)| (Some(key), item))),
            _ => return otherwise(over, helper, registry, context, state, out),
        };
        let last = match items.size_hint().0 {
            0 if helper.inverse().is_some() => {
                return otherwise(over, helper, registry, context, state, out);
            }
            0 => return Ok(()),
            length => length - 1,
        };
        stage::spend((last as u64 + 1).saturating_mul(1 + tags(body, registry, 0)))?;
        state.push_block(BlockContext::new());
        let path = over.context_path();
        for (index, (key, item)) in items.enumerate() {
            let block = state.block_mut().expect("it was pushed above");
            block.set_local_var("first", Value::Bool(index == 0));
            block.set_local_var("last", Value::Bool(index == last));
            block.set_local_var("index", Value::from(index));
            if let Some(key) = key {
                block.set_local_var("key", Value::String(key.clone()));
            }
            if path.is_some() && index > 0 {
                block.base_path_mut().pop();
            } else if let Some(path) = path {
                block.base_path_mut().clone_from(path);
            }
            if path.is_some() {
                let place = key.cloned().unwrap_or_else(|| index.to_string());
                block.base_path_mut().push(place);
            }
            turn_to(block, path, item);
            if let Some(name) = helper.block_param() {
                block.set_block_param(name, holder(path, item));
            } else if let Some((name, key_name)) = helper.block_param_pair() {
                block.set_block_param(name, holder(path, item));
                let key = key.map_or_else(|| Value::from(index), |key| Value::from(key.as_str()));
                block.set_block_param(key_name, BlockParamHolder::value(key));
            }
            body.render(registry, context, state, out)?;
        }
        state.pop_block();
        Ok(())
    }
}

/// `{{#with address}}…{{else}}…{{/with}}`.
pub(super) struct With;

impl HelperDef for With {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let over = value(helper, 0, "with")?;
        if !over.value().is_truthy(false) {
            return otherwise(over, helper, registry, context, state, out);
        }
        let mut block = BlockContext::new();
        if let Some(around) = state.block() {
            block
                .local_variables_mut()
                .clone_from(around.local_variables());
        }
        if let Some(path) = over.context_path() {
            block.base_path_mut().clone_from(path);
        }
        turn_to(&mut block, over.context_path(), over.value());
        if let Some(name) = helper.block_param() {
            block.set_block_param(name, holder(over.context_path(), over.value()));
        }
        state.push_block(block);
        if let Some(body) = helper.template() {
            stage::spend(tags(body, registry, 0))?;
            body.render(registry, context, state, out)?;
        }
        state.pop_block();
        Ok(())
    }
}

/// There is nothing to go into.
fn otherwise<'reg: 'rc, 'rc>(
    over: &PathAndJson<'rc>,
    helper: &Helper<'rc>,
    registry: &'reg Handlebars<'reg>,
    context: &'rc Context,
    state: &mut RenderContext<'reg, 'rc>,
    out: &mut dyn Output,
) -> HelperResult {
    match helper.inverse() {
        Some(inverse) => {
            stage::spend(tags(inverse, registry, 0))?;
            inverse.render(registry, context, state, out)
        }
        None => Err(RenderError::strict_error(over.relative_path())),
    }
}

/// Makes names in `block` mean what `item` holds. What has a path in the context is found by it,
/// and not copied.
fn turn_to(block: &mut BlockContext<'_>, path: Option<&Vec<String>>, item: &Value) {
    block.set_block_params(BlockParams::new());
    if path.is_none() {
        block.set_base_value(item.clone());
    }
    if let Some(own) = item.get(DATA) {
        let own = match path {
            Some(_) => BlockParamHolder::path(vec![DATA.to_owned()]),
            None => BlockParamHolder::value(own.clone()),
        };
        block.set_block_param(DATA, own);
    }
}

fn holder(path: Option<&Vec<String>>, item: &Value) -> BlockParamHolder {
    match path {
        Some(_) => BlockParamHolder::path(Vec::new()),
        None => BlockParamHolder::value(item.clone()),
    }
}

/// How many tags and pieces of text rendering `body` goes through, those aside that the blocks of
/// this file in it count when they run.
fn tags(body: &Ast, registry: &Handlebars<'_>, depth: usize) -> u64 {
    // The survey allows no template that goes deeper.
    if depth > 200 {
        return 0;
    }
    let tags = |body: &Ast| tags(body, registry, depth + 1);
    let within = |element: &TemplateElement| match element {
        TemplateElement::HelperBlock(block) => match block.name.as_name() {
            Some("if" | "unless" | "with" | "each") => 0,
            _ => block.template.iter().chain(&block.inverse).map(tags).sum(),
        },
        TemplateElement::PartialExpression(call) | TemplateElement::PartialBlock(call) => {
            let name = call.name.as_name();
            let partial = name.and_then(|name| registry.get_template(name));
            partial.into_iter().chain(&call.template).map(tags).sum()
        }
        _ => 0,
    };
    let elements = body.elements.iter();
    elements
        .map(|element| 1u64.saturating_add(within(element)))
        .sum()
}
