-- One row: what attribution was asked for, so that the fitted models see the paths and orders the rules see.

{{ config(materialized='view') }}

select
    '{{ path_transform() }}' as path_transform,
    '{{ var("attribution_transform_channel", "direct") }}' as transform_channel,
    '{{ var("attribution_orders", "any") }}' as orders
