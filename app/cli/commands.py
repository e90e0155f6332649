"""Where each command stands: names and import paths only, so that none is imported before it is asked for."""

COMMANDS = {
    "serve": "app.cli.serve:serve",
    "db": "app.cli.db:db",
    "user": "app.cli.users:user",
    "channel": "app.cli.channels:channel",
    "token": "app.cli.tokens:token",
    "publish": "app.cli.publish:publish",
    "watch": "app.cli.watch:watch",
    "doctor": "app.cli.doctor:doctor",
}
