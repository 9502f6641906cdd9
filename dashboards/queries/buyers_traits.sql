-- What journeys with and without an order hold, the largest difference first.
select
    b.dimension_value,
    case when $language = 'de' then d.label_de else d.label_en end as channel_label,
    b.buyer_journeys, b.non_buyer_journeys,
    b.buyer_share, b.buyer_share_low, b.buyer_share_high,
    b.non_buyer_share, b.non_buyer_share_low, b.non_buyer_share_high,
    b.difference, b.difference_low, b.difference_high,
    -- Of a handful of orders neither says anything.
    case when b.buyer_journeys >= 30 then b.visits_before_purchase_mean end as visits_before_purchase_mean,
    case when b.buyer_journeys >= 30 then b.days_to_purchase_median end as days_to_purchase_median,
    b.verdict
from marts.rpt_buyers_vs_non_buyers as b
left join marts.dim_channels as d on b.dimension = 'channel' and b.dimension_value = d.channel
where b.window_name = $window_name and b.category = $category and b.dimension = $dimension
order by abs(b.difference) desc, b.dimension_value
