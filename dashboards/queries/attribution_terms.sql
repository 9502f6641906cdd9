-- Coupons, discounts and days to purchase of the orders one rule model credits, for a ready-made window.
select
    o.channel,
    coalesce(case when $language = 'de' then d.label_de else d.label_en end, o.channel) as name,
    o.conversions,
    o.coupon_share, o.coupon_share_low, o.coupon_share_high,
    o.discount_mean_eur, o.discount_mean_low, o.discount_mean_high,
    o.days_to_purchase_median, o.days_to_purchase_low, o.days_to_purchase_high,
    o.verdict
from marts.rpt_channel_order_terms as o
left join marts.dim_channels as d on o.channel = d.channel
where o.window_name = $window_name and o.model = $model
order by o.conversions desc
