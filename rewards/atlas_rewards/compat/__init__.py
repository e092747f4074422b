"""
Interfaces of other reward systems over this one. The import path `RIM` leads here.

    rim             `RIMReward` of ATLAS, called as before
    rim_config      its configuration (`rim:` in a YAML file) as a RewardService
    rim_models      where its models are
    rim_breakdown   results in its shape

Knows `scorer` and `trl`; nobody imports it.

To add another interface: files here with its name in front.
"""
