"""Where each command stands: names and import paths only, so that none is imported before it is asked for."""

COMMANDS = {
    "serve": "app.cli.serve:serve",
    "db": "app.cli.operator.db:db",
    "user": "app.cli.operator.users:user",
    "channel": "app.cli.operator.channels:channel",
    "token": "app.cli.operator.tokens:token",
    "publish": "app.cli.client.publish:publish",
    "watch": "app.cli.client.watch:watch",
    "doctor": "app.cli.operator.doctor:doctor",
}
