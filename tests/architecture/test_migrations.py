"""One history of all tables: what the migrations make is what the layers declare."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from cid.kit.db import Database, metadata
from icustomer import migrations


@pytest.fixture
def database(tmp_path):
    opened = Database(f"sqlite:///{tmp_path / 'records.sqlite'}")
    yield opened
    opened.close()


def test_the_migrations_make_what_the_layers_declare(database):
    migrations.upgrade(database)
    migrations.tables()
    with database.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_the_head_is_the_newest_file():
    files = sorted((Path(migrations.__file__).parent / "versions").glob("*.py"))
    assert files[-1].stem.partition("_")[0] == migrations.HEAD


def test_upgrading_twice_changes_nothing(database):
    assert migrations.current(database) == ""
    assert migrations.upgrade(database) == migrations.HEAD
    assert migrations.upgrade(database) == migrations.HEAD
    assert migrations.current(database) == migrations.HEAD


def test_a_database_can_go_all_the_way_back(database):
    from alembic import command
    from alembic.config import Config

    migrations.upgrade(database)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with database.read() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]


def test_every_table_carries_the_prefix_of_its_layer(database):
    migrations.tables()
    prefixes = {table.name.partition("_")[0] for table in metadata.tables.values()}
    assert prefixes <= set(migrations.LAYERS)
