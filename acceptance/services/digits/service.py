"""Load the newest model, and make the service of it."""

from app import keeper

keeper.load_model("latest")
keeper.configure()
