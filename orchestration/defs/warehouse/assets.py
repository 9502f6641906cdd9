"""Every dbt model and seed as an asset, every dbt test as an asset check."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, dbt_assets

from orchestration.defs.partitions import SOURCES
from orchestration.defs.resources import Warehouse
from orchestration.defs.warehouse import increments
from orchestration.defs.warehouse.dbt_build import stream_build
from orchestration.defs.warehouse.manifest import load_json, project_fingerprint
from orchestration.settings import Settings

_OWNERS = {
    "staging": "team:engineering",
    "intermediate": "team:engineering",
    "seeds": "team:business",
    "marts": "team:analytics",
}


class LayerTranslator(DagsterDbtTranslator):
    """Names assets as the house is built: the key begins with the layer, the group is the folder."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            # Books that an asset keeps beside its table are no asset of their own: `written_by` in their meta.
            table = dbt_resource_props.get("meta", {}).get("written_by", dbt_resource_props["name"])
            return dg.AssetKey([dbt_resource_props["source_name"], table])
        return dg.AssetKey([_layer(dbt_resource_props), dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        if dbt_resource_props["resource_type"] == "source":
            return None
        return "/".join([_layer(dbt_resource_props), *dbt_resource_props["fqn"][2:-1]])

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: Any) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        props = self.get_resource_props(manifest, unique_id)
        if props["resource_type"] == "source":
            return spec
        layer = _layer(props)
        freshness = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=49), warn_window=timedelta(hours=30))
        return spec.replace_attributes(
            owners=spec.owners or [_OWNERS.get(layer, "team:engineering")],
            freshness_policy=freshness if layer == "marts" else None,
        )

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: Any
    ) -> dg.AssetCheckSpec | None:
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        return spec and spec._replace(description=_describe_test(self.get_resource_props(manifest, unique_id)))


def _describe_test(props: Mapping[str, Any]) -> str:
    """Say what a test tests: its own words, else its kind and arguments."""
    if props.get("description"):
        return str(props["description"])
    kind = props.get("test_metadata")
    if not kind:
        return str(props["name"]).replace("_", " ")
    arguments = {name: value for name, value in kind["kwargs"].items() if name != "model"}
    return f"{kind['name']}: " + ", ".join(f"{name} = {value}" for name, value in sorted(arguments.items()))


def _layer(props: Mapping[str, Any]) -> str:
    return "seeds" if props["resource_type"] == "seed" else props["fqn"][1]


_FULL_TEST_WEEKDAY = 7

#: Tag of a run that rebuilds everything from raw, whatever changed.
REBUILD_TAG = "netzplan/rebuild"

MANIFEST = load_json()
_KEYED = increments.keyed_models(MANIFEST)
TRANSLATOR = LayerTranslator(
    DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True, enable_duplicate_source_asset_keys=True)
)


@dbt_assets(manifest=MANIFEST, dagster_dbt_translator=TRANSLATOR, name="dbt", pool="warehouse")
def warehouse_models(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[Any]:
    settings = Settings.from_environment()
    variables: dict[str, object] = {"timezone": settings.timezone, "currency": settings.currency}
    if late_days := [feed.late_days for feed in SOURCES.of_entity("web_events") if feed.is_daily]:
        variables["late_days"] = str(max(late_days))
    with warehouse.connect() as connection:
        mode = increments.begin(
            connection,
            context.run_id,
            fingerprint=increments.fingerprint_of(project_fingerprint(), variables),
            models=_KEYED,
            full=REBUILD_TAG in context.run.tags,
        )
    context.log.info(f"{'incremental build' if mode.is_partial else 'full rebuild'}: {mode.reason}")
    if as_of_date := warehouse.last_delivery():
        variables["as_of_date"] = as_of_date.isoformat()
        # Once a week the checks look at every row, not only at those that changed.
        variables["test_all_rows"] = as_of_date.isoweekday() == _FULL_TEST_WEEKDAY
    yield from stream_build(
        context,
        warehouse,
        manifest=MANIFEST,
        translator=TRANSLATOR,
        variables={**variables, "incremental": mode.is_partial, "build_id": context.run_id},
        output_dir=settings.data_dir / "dbt",
    )
    with warehouse.connect() as connection:
        increments.finish(connection, context.run_id, _KEYED)
