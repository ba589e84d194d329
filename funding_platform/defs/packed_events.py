"""Events and ticks of Dagster as they lie in SQLite: packed, to a tenth of their size.

An event is JSON of one to two thousand characters, nearly all of which stand in every other event
too. So each is compressed with a dictionary of what events are made of. What is stored so is bytes;
what older versions stored is text, and is read as before. On other databases than SQLite nothing is
packed.
"""

import zlib
from typing import Any, Final

from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetKeyTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.schedules.schema import JobTickTable
from sqlalchemy import Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

PACKED: Final = (
    SqlEventLogStorageTable.c.event,
    AssetKeyTable.c.last_materialization,
    AssetCheckExecutionsTable.c.evaluation_event,
    JobTickTable.c.tick_body,
)
"""The columns of Dagster's tables that hold events and ticks."""

_FORMAT: Final = b"\x01"
"""First byte of what is packed with the dictionary below; another dictionary takes another byte."""

_HANDLE: Final = '{"__class__": "SolidHandle", "name": "raw_market_snapshots", "parent": null}'

_DICTIONARY: Final = (
    '{"__class__": "TickData", "auto_materialize_evaluation_id": null, '
    '"consecutive_failure_count": 0, "cursor": null, "dynamic_partitions_request_results": [], '
    '"end_timestamp": 1796000109.82, "error": null, "failure_count": 0, "job_name": '
    '"hourly_collection", "job_origin_id": "", "job_type": {"__enum__": "InstigatorType.SENSOR"}, '
    '"log_key": null, "origin_run_ids": [], "reserved_run_ids": [], "run_ids": [], "run_keys": [], '
    '"run_requests": [], "selector_id": "", "skip_reason": "no roll is to be followed", "status": '
    '{"__enum__": "TickStatus.SKIPPED"}, "timestamp": 1796000109.82, "user_interrupted": false}'
    '"metadata_entries": [{"__class__": "EventMetadataEntry", "description": null, "entry_data": '
    '{"__class__": "TimestampMetadataEntryData", "value": 1795}, "label": "first_time"}, '
    '"entry_data": {"__class__": "FloatMetadataEntryData", "value": 0.0}, "label": '
    '"duration_seconds"}, "label": "rows_per_second"}, {"__class__": "EventMetadataEntry", '
    '"description": null, "entry_data": {"__class__": "IntMetadataEntryData", "value": 12}, '
    '"label": "dagster/row_count"}, "entry_data": {"__class__": "MarkdownMetadataEntryData", '
    '"md_str": "| venue | venue\\\\_symbol | --- | --- |\\n| trading | 2026-11-30 00\\\\:00 |"'
    '}, "label": "preview"}, "entry_data": {"__class__": "TextMetadataEntryData", "text": '
    '"success"}, "label": "status"}, "label": "unique_id"}, "label": "invocation_id"}, "label": '
    '"Execution Duration"}, "entry_data": {"__class__": "TableColumnLineageMetadataEntryData", '
    '"column_lineage": {"__class__": "TableColumnLineage", "deps_by_column": {"funding_rate": '
    '[{"__class__": "TableColumnDep", "asset_key": {"__class__": "AssetKey", "path": ["raw", '
    '"hyperliquid", "funding_rates"]}, "column_name": "funding_rate"}, {"__class__": '
    '"PartitionsSubset"}], "mapping_key": null, "partition": null, "tags": {"dagster/code_version"'
    ': "", "dagster/data_version": "", "dagster/input_data_version/", '
    '"dagster/input_event_pointer/core/fee_schedules": "NULL"}}, "event_type_value": '
    '"ASSET_OBSERVATION", "event_type_value": "STEP_SUCCESS", {"__class__": "StepSuccessData", '
    '"duration_ms": 965.25}, "Finished execution of step \\"raw_bybit_instruments_checks\\" in '
    '965ms.", "event_specific_data": null, "event_type_value": "STEP_START", "Started execution of '
    'step \\"", '
    '{"__class__": "EventLogEntry", "dagster_event": {"__class__": "DagsterEvent", '
    '"event_specific_data": {"__class__": "StepMaterializationData", "asset_lineage": [], '
    '"materialization": {"__class__": "AssetMaterialization", "asset_key": {"__class__": '
    '"AssetKey", "path": ["intermediate", "int_"]}, "event_type_value": "ASSET_MATERIALIZATION", '
    '"Materialized value intermediate int_.", '
    '{"__class__": "AssetMaterializationPlannedData", "asset_key": {"__class__": "AssetKey", "path"'
    ': ["marts", ""]}, "partition": "2026-11-30-00:00", "partitions_subset": null}, '
    '"event_type_value": "ASSET_MATERIALIZATION_PLANNED", "logging_tags": {}, "message": "transform'
    ' intends to materialize asset [\\"marts\\", \\"", '
    '{"__class__": "AssetCheckEvaluationPlanned", "asset_key": {"__class__": "AssetKey", "path": '
    '["raw", "edgex", "instruments"]}, "check_name": "collected", "partitions_subset": {"__class__"'
    ': "TimeWindowPartitionsSubset", "included_time_windows": [{"__class__": "TimeWindow", "end": '
    '{"__class__": "TimestampWithTimezone", "timestamp": 1796000400.0, "timezone": "UTC"}, "start"'
    ': {"__class__": "TimestampWithTimezone", "timestamp": 1795996800.0, "timezone": "UTC"}}], '
    '"num_partitions": 1, "partitions_def": {"__class__": "TimeWindowPartitionsDefinition", '
    '"cron_schedule": "0 * * * *", "end": null, "end_offset": 1, "exclusions": null, "fmt": '
    '"%Y-%m-%d-%H:%M", "start": {"__class__": "TimestampWithTimezone", "timestamp": 1795392000.0, '
    '"timezone": "UTC"}, "timezone": "UTC"}}}, "event_type_value": '
    '"ASSET_CHECK_EVALUATION_PLANNED", "logging_tags": {}, "message": "collect_hourly intends to '
    'execute asset check collected on asset [\\"raw\\", \\"", "pid": null, "pipeline_name": '
    '"collect_hourly", "solid_handle": null, "step_handle": null, '
    '{"__class__": "EventLogEntry", "dagster_event": {"__class__": "DagsterEvent", '
    '"event_specific_data": {"__class__": "AssetCheckEvaluation", "asset_key": {"__class__": '
    '"AssetKey", "path": ["raw", "hyperliquid", "market_snapshots"]}, "blocking": false, '
    '"check_name": "nothing_ahead", "description": "answered in full", "metadata": {"rows": '
    '{"__class__": "IntMetadataEntryData", "value": 12}, "status": {"__class__": '
    '"TextMetadataEntryData", "text": "success"}}, "partition": null, "severity": {"__enum__": '
    '"AssetCheckSeverity.ERROR"}, "success": true, "target_materialization_data": {"__class__": '
    '"AssetCheckEvaluationTargetMaterializationData", "run_id": "", "storage_id": 1409, '
    '"timestamp": 1795998837.86}}, "event_type_value": "ASSET_CHECK_EVALUATION", "Asset check '
    "'unique_key' on 'raw/hyperliquid/market_snapshots' passed. Description: '', "
    '{"__class__": "EventLogEntry", "dagster_event": {"__class__": "DagsterEvent", '
    '"event_specific_data": {"__class__": "StepOutputData", "metadata_entries": [], '
    '"step_output_handle": {"__class__": "StepOutputHandle", "mapping_key": null, "output_name": '
    '"raw__hyperliquid__market_snapshots_unique_key", "step_key": "raw_market_snapshots"}, '
    '"type_check_data": {"__class__": "TypeCheckData", "description": null, "label": "result", '
    '"metadata_entries": [], "success": true}, "version": null}, "event_type_value": '
    '"STEP_OUTPUT", "logging_tags": {"job_name": "transform", "op_name": "marts", '
    '"resource_fn_name": "None", "resource_name": "None", "run_id": "", "step_key": "marts"}, '
    '"message": "Yielded output \\"raw__\\" of type \\"Any\\". (Type check passed).", "pid": '
    f'6438, "pipeline_name": "collect_hourly", "solid_handle": {_HANDLE}, "step_handle": '
    f'{{"__class__": "StepHandle", "key": "raw_market_snapshots", "solid_handle": {_HANDLE}}}, '
    '"step_key": "raw_market_snapshots", "step_kind_value": "COMPUTE"}, "error_info": null, '
    '"level": 10, "message": "", "pipeline_name": "collect_hourly", "run_id": "", "step_key": '
    '"raw_market_snapshots", "timestamp": 1795998838.29, "user_message": ""}'
).encode()
"""What is most usual stands last, where it is found first. Changing it needs another format byte:
what was packed with it can be read with it alone."""


def packed(event: str) -> bytes:
    """Compress an event."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS, zdict=_DICTIONARY)
    return _FORMAT + packer.compress(event.encode()) + packer.flush()


def unpacked(stored: bytes | str) -> str:
    """Return the event that was stored, in whichever way.

    Raises
    ------
    ValueError
        If a later version of the platform has packed it.
    """
    if isinstance(stored, str):
        return stored
    if stored[:1] != _FORMAT:
        raise ValueError(
            f"an event of Dagster is packed in format {stored[0]}, this version knows "
            f"{_FORMAT[0]}: use the version of the platform that wrote it, or a later one"
        )
    return (
        zlib.decompressobj(wbits=-zlib.MAX_WBITS, zdict=_DICTIONARY).decompress(stored[1:]).decode()
    )


class PackedText(TypeDecorator[str]):
    """A column of text that SQLite holds packed."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Pack what is stored."""
        return packed(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Unpack what is read."""
        return None if value is None else unpacked(value)


def pack_events() -> None:
    """Have everything in this process that reads or writes events or ticks do it packed."""
    for column in PACKED:
        column.type = PackedText()
